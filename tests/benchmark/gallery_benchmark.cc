// What a large gallery costs: Verify with a million enrolled people against Verify with a thousand, at the same cache
// size; the time from start to SERVING; the memory of a cached reference; the search for a face among 100,000 people;
// the activation of a model that differs by a linear layer, of 100,000 references without crops, on one core; the first
// and the last page of 100,000 references, in SQLite and in PostgreSQL.
//
//   gallery_benchmark --photo cage.jpg --folder build/bench
//
// Two real servers answer in turn, so that whatever else the machine does meets both. The galleries are made once and
// kept in the folder. Prints one JSON object.
#include <malloc.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/embedding/torch_embedder.h"
#include "server/gallery/gallery.h"
#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_database.h"
#include "server/gallery/reference_cache.h"
#include "server/gallery/sql_rows.h"
#include "server/gallery/sqlite_connection.h"
#include "server/models/activation.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/headed_bundle.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

constexpr int kFew = 1'000;
constexpr int kMany = 1'000'000;
constexpr int kSearched = 100'000;
constexpr int kEmbeddingSize = 192;
constexpr char kBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-192.pt";

std::string PersonId(int number) { return absl::StrFormat("person-%07d", number); }

ReferenceEmbedding RandomReference(const ModelDigest& model, int number, std::mt19937& random) {
  std::normal_distribution<float> normal;
  ReferenceEmbedding reference{absl::StrFormat("%032x", number), {model, std::vector<float>(kEmbeddingSize)}};
  float squares = 0;
  for (float& value : reference.embedding.values) {
    value = normal(random);
    squares += value * value;
  }
  for (float& value : reference.embedding.values) value /= std::sqrt(squares);
  return reference;
}

// As the server that opens the gallery.
std::shared_ptr<const Protection> MakeProtection() {
  return std::make_shared<const Protection>(*MasterKeys::FromText(kMasterKey, "the benchmark"));
}

// A folder with a gallery of so many people, one random reference each. In one transaction: a million commits would
// take an hour.
std::string MakeGallery(const std::string& parent, int persons, const ModelDigest& model,
                        const std::shared_ptr<const Protection>& protection = MakeProtection()) {
  // By model: references of another one could not be compared with.
  const std::string folder =
      absl::StrFormat("%s/%s-gallery-%d-%s", parent, protection->encrypts() ? "encrypted" : "plaintext", persons,
                      model.Hex().substr(0, 8));
  const std::string path = folder + "/gallery.db";
  if (std::filesystem::exists(path)) return folder;
  std::fprintf(stderr, "making a gallery of %d people\n", persons);
  std::filesystem::create_directories(folder);
  const std::string unfinished = path + ".unfinished";
  std::filesystem::remove(unfinished);
  {
    MakeGalleryFile(unfinished);
    SqliteConnection connection(unfinished);
    Migrate(connection.database());
    SQLite::Transaction transaction(connection.database());
    std::mt19937 random(1);
    for (int number = 0; number < persons; ++number) {
      const Enrolment enrolment{PersonId(number), "", {}, {RandomReference(model, number, random)}, absl::Now()};
      const PersonRow person{enrolment.create_time, protection->NewPersonKey(enrolment.person_id)};
      InsertPerson(connection, enrolment.person_id, person);
      InsertReference(connection, *protection->CipherFor(enrolment.person_id, person.key), enrolment,
                      enrolment.references.front());
    }
    connection.Change("UPDATE gallery SET persons = $1, face_references = $1, encrypted = $2",
                      {int64_t{persons}, int64_t{protection->encrypts() ? 1 : 0}});
    transaction.commit();
    connection.database().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::filesystem::rename(unfinished, path);
  return folder;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// A server on a gallery, and what its calls took.
struct Subject {
  int persons;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Client> client;
  double start_seconds = 0;
  std::vector<double> milliseconds;

  Subject(int people, const std::string& folder, int cached_references) : persons(people) {
    const absl::Time start = absl::Now();
    auto started = ServerProcess::Start({.folder = folder,
                                         .flags = {"--workers=1", "--log-level=warning",
                                                   absl::StrFormat("--cached-references=%d", cached_references)}});
    if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
    start_seconds = absl::ToDoubleSeconds(absl::Now() - start);
    server = *std::move(started);
    client = std::make_unique<Client>(server->Connect(), Client::Options{});
  }

  void Verify(const std::string& photo, std::mt19937& random) {
    v1::VerifyRequest request;
    request.set_person_id(PersonId(std::uniform_int_distribution<int>(0, persons - 1)(random)));
    request.set_photo(photo);
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<v1::VerifyResponse> response = client->Verify(request);
    if (!response.ok()) throw std::runtime_error(std::string(response.status().message()));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
};

double CacheBytesPerReference(const ModelDigest& model) {
  constexpr int kReferences = 100'000;
  std::mt19937 random(2);
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  ReferenceCache cache(kReferences);
  for (int number = 0; number < kReferences; ++number) {
    uint64_t ticket = 0;
    cache.Find(PersonId(number), &ticket);
    cache.Insert(PersonId(number),
                 std::make_shared<const std::vector<ReferenceEmbedding>>(1, RandomReference(model, number, random)),
                 ticket);
  }
  return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before) / kReferences;
}

// Whether a face is enrolled under another id: the first look reads the gallery, the others search it.
nlohmann::ordered_json SearchDuplicates(const std::string& folder, const ModelDigest& model) {
  auto store = OpenSqliteStore(MakeGallery(folder, kSearched, model) + "/gallery.db", MakeProtection());
  if (!store.ok()) throw std::runtime_error(std::string(store.status().message()));
  Metrics metrics;
  const auto gallery = Gallery::Open(*std::move(store), {}, metrics);
  if (!gallery.ok()) throw std::runtime_error(std::string(gallery.status().message()));
  std::mt19937 random(4);
  std::vector<double> milliseconds;
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (int look = 0; look < 101; ++look) {
    const Embedding probe = RandomReference(model, look, random).embedding;
    const absl::Time start = absl::Now();
    if (!(*gallery)->FindNearestOther(probe, "").ok()) throw std::runtime_error("the search failed");
    milliseconds.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
  }
  const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  return {{"duplicate_search_persons", kSearched},
          {"duplicate_search_first_ms", milliseconds.front()},
          {"duplicate_search_ms", Median({milliseconds.begin() + 1, milliseconds.end()})},
          {"index_bytes_per_reference", static_cast<double>(after - before) / kSearched}};
}

template <typename Result>
Result OrThrow(absl::StatusOr<Result> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}

// Keeps this thread, and those that it starts, on one core.
class OnOneCore {
 public:
  OnOneCore() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
  }
  ~OnOneCore() { sched_setaffinity(0, sizeof(before_), &before_); }

 private:
  cpu_set_t before_;
};

struct MappingTime {
  double seconds;
  double processor_seconds;  // the rest is waiting for the disk, and for who else uses the core
};

// From the order to activate a model whose bundle says that it differs by a linear layer, until it is active. Nobody
// has a crop.
MappingTime MapEverybody(const std::string& folder, const ModelDigest& model,
                         const std::shared_ptr<const Protection>& protection) {
  const std::string changed = folder + "/mapped";
  std::filesystem::remove_all(changed);
  std::filesystem::create_directories(changed);
  std::filesystem::copy(MakeGallery(folder, kSearched, model, protection) + "/gallery.db", changed + "/gallery.db");
  Metrics metrics;
  const auto gallery =
      OrThrow(Gallery::Open(OrThrow(OpenSqliteStore(changed + "/gallery.db", protection)), {}, metrics));
  const auto load = [](const ModelEntry& entry) -> absl::StatusOr<Generation> {
    absl::StatusOr<std::unique_ptr<TorchEmbedder>> network = TorchEmbedder::Load(entry.path, Device{});
    if (!network.ok()) return network.status();
    return Generation{*std::move(network), Threshold{.distance = 1, .point = {}}};
  };
  const auto models = OrThrow(ModelFolder::Open(changed + "/models", {model, kBundle, {}, {}, ""}));
  const HeadedBundle headed = OrThrow(PutHeadBehind(kBundle, AnyHead(kEmbeddingSize)));
  const ModelEntry next = OrThrow(models->Add(headed.bytes, headed.manifest, "", absl::Now()));
  ActiveGeneration active(OrThrow(load(models->base())));
  Activations activations(*models, *gallery, active, ThresholdRule(), load, [](const Generation&) {});
  OrThrow(activations.Allow(next.digest));
  const OnOneCore on_one_core;
  const absl::Time start = absl::Now();
  const std::clock_t processor_start = std::clock();
  absl::Status status = activations.Begin(next.digest, {.unmeasured = true}).status();
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  std::optional<ActivationProgress> progress = activations.Progress();
  while (progress->running) progress = activations.AwaitChange(progress->changes, absl::Seconds(1));
  const MappingTime time{absl::ToDoubleSeconds(absl::Now() - start),
                         static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC};
  if (!progress->outcome.ok()) throw std::runtime_error(std::string(progress->outcome.message()));
  if (progress->coverage.embedded != kSearched) throw std::runtime_error("not everybody was mapped");
  return time;
}

nlohmann::ordered_json MeasureMapping(const std::string& folder, const ModelDigest& model) {
  const MappingTime encrypted = MapEverybody(folder, model, MakeProtection());
  const MappingTime plaintext = MapEverybody(folder, model, Protection::Plaintext());
  std::filesystem::remove_all(folder + "/mapped");
  return {{"mapped_activation_references", kSearched},
          {"mapped_activation_seconds", encrypted.seconds},
          {"mapped_activation_processor_seconds", encrypted.processor_seconds},
          {"mapped_activation_seconds_plaintext", plaintext.seconds},
          {"mapped_activation_processor_seconds_plaintext", plaintext.processor_seconds}};
}

using ReadPage = absl::FunctionRef<absl::StatusOr<int64_t>(Store&, int64_t after)>;  // the last number; 0 at the end

// What the first pages of all take, and the last: the median of ten, each the best of several rounds.
nlohmann::ordered_json MeasurePages(Store& store, const std::string& name, ReadPage read) {
  constexpr int kRounds = 3;
  constexpr std::ptrdiff_t kPages = 10;
  std::vector<double> best;
  for (int round = 0; round < kRounds; ++round) {
    size_t page = 0;
    for (int64_t after = 0;; ++page) {
      const absl::Time start = absl::Now();
      const int64_t last = OrThrow(read(store, after));
      if (last == 0) break;
      after = last;
      const double milliseconds = absl::ToDoubleMilliseconds(absl::Now() - start);
      if (page == best.size()) best.push_back(milliseconds);
      best[page] = std::min(best[page], milliseconds);
    }
  }
  const double first = Median({best.begin(), best.begin() + kPages});
  const double last = Median({best.end() - kPages, best.end()});
  return {{name + "_first_ms", first}, {name + "_last_ms", last}, {name + "_ratio", last / first}};
}

// Pages of a thousand of those who have an embedding, as for the search, and of those who are to get one by another
// model, as in an activation.
nlohmann::ordered_json MeasurePages(Store& store, const std::string& name, const ModelDigest& model) {
  constexpr int kPage = 1000;
  nlohmann::ordered_json measured =
      MeasurePages(store, "embeddings_page_" + name, [&](Store& read, int64_t after) -> absl::StatusOr<int64_t> {
        const auto page = read.EmbeddingsBy(model, after, kPage);
        if (!page.ok()) return page.status();
        return page->empty() ? 0 : page->back().number;
      });
  ModelDigest next = model;
  next.bytes[0] ^= 1;
  measured.update(
      MeasurePages(store, "unembedded_page_" + name, [&](Store& read, int64_t after) -> absl::StatusOr<int64_t> {
        const auto page = read.Unembedded(next, {"", model}, after, kPage);
        if (!page.ok()) return page.status();
        return page->empty() ? 0 : page->back().number;
      }));
  return measured;
}

// The value as a literal of PostgreSQL's.
std::string LiteralOf(const SqlValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return absl::StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return absl::StrCat("'", *text, "'");
  if (const auto* blob = std::get_if<Blob>(&value))
    return absl::StrCat("'\\x", absl::BytesToHexString(blob->bytes), "'");
  return "NULL";
}

// Many rows a statement: one by one, they would take minutes.
void CopyGallery(SqliteConnection& from, PostgresConnection& to) {
  const auto copy = [&](const char* select, const std::string& insert) {
    constexpr int64_t kRows = 1000;
    for (int64_t row = 0;; row += kRows) {
      const std::vector<SqlRow> rows = from.Run(select, {row, row + kRows});
      if (rows.empty()) return;
      to.Execute(absl::StrCat(insert, absl::StrJoin(rows, ", ", [](std::string* out, const SqlRow& values) {
                                absl::StrAppend(out, "(",
                                                absl::StrJoin(values, ", ",
                                                              [](std::string* text, const auto& value) {
                                                                absl::StrAppend(text, LiteralOf(value));
                                                              }),
                                                ")");
                              })));
    }
  };
  copy(
      "SELECT person.person_id, person.create_time, data_key FROM face_reference JOIN person ON person.person_id = "
      "face_reference.person_id WHERE number > $1 AND number <= $2 ORDER BY number",
      "INSERT INTO person (person_id, create_time, data_key) VALUES ");
  copy(
      "SELECT number, reference_id, person_id, create_time, model_digest FROM face_reference WHERE number > $1 AND "
      "number <= $2 ORDER BY number",
      "INSERT INTO face_reference (number, reference_id, person_id, create_time, model_digest) OVERRIDING SYSTEM VALUE "
      "VALUES ");
  copy(
      "SELECT reference, model_digest, embedding, checksum FROM embedding WHERE reference > $1 AND reference <= $2 "
      "ORDER BY reference",
      "INSERT INTO embedding (reference, model_digest, embedding, checksum) VALUES ");
  to.Execute("VACUUM ANALYZE");  // as PostgreSQL does by itself, some time
}

nlohmann::ordered_json MeasurePages(const std::string& folder, const ModelDigest& model) {
  const auto protection = MakeProtection();
  nlohmann::ordered_json measured{{"paged_references", kSearched}};
  const std::string file = MakeGallery(folder, kSearched, model) + "/gallery.db";
  measured.update(MeasurePages(*OrThrow(OpenSqliteStore(file, protection)), "sqlite", model));
  const auto server = PostgresServer::Start();
  if (server == nullptr) throw std::runtime_error("PostgreSQL is not installed");
  const std::string url = server->NewDatabase();
  auto database = OrThrow(PostgresDatabase::Open({.url = url, .timeout = absl::Minutes(1)}));
  const auto store = OrThrow(SqlStore::Open(std::move(database), protection));
  SqliteConnection from(file);
  PostgresConnection to(url, absl::Minutes(5));
  CopyGallery(from, to);
  measured.update(MeasurePages(*store, "postgres", model));
  return measured;
}

nlohmann::ordered_json Measure(const std::string& photo_path, const std::string& folder, int calls, bool only_mapping,
                               bool only_pages) {
  const std::string photo = ReadFile(photo_path);
  const absl::StatusOr<ModelDigest> model = VerifySeal(ReadFile(kBundle));
  if (!model.ok()) throw std::runtime_error(std::string(model.status().message()));
  if (only_pages) return MeasurePages(folder, *model);
  const nlohmann::ordered_json mapping = MeasureMapping(folder, *model);
  if (only_mapping) return mapping;
  const nlohmann::ordered_json search = SearchDuplicates(folder, *model);
  const double cache_bytes = CacheBytesPerReference(*model);
  const int cached_references = kFew / 2;  // the same for both: neither fits
  Subject few(kFew, MakeGallery(folder, kFew, *model), cached_references);
  Subject many(kMany, MakeGallery(folder, kMany, *model), cached_references);
  std::mt19937 random(3);
  for (int call = 0; call < calls; ++call) {
    few.Verify(photo, random);
    many.Verify(photo, random);
  }
  const double p50_few = Median(few.milliseconds);
  const double p50_many = Median(many.milliseconds);
  nlohmann::ordered_json measured{{"calls", calls},
                                  {"cached_references", cached_references},
                                  {"p50_ms_1000", p50_few},
                                  {"p50_ms_1000000", p50_many},
                                  {"p50_ratio", p50_many / p50_few},
                                  {"start_seconds_1000", few.start_seconds},
                                  {"start_seconds_1000000", many.start_seconds},
                                  {"cache_bytes_per_reference", cache_bytes}};
  measured.update(search);
  measured.update(mapping);
  measured.update(MeasurePages(folder, *model));
  return measured;
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  CLI::App app("What a large gallery costs");
  std::string photo;
  std::string folder;
  int calls = 400;
  bool only_mapping = false;
  bool only_pages = false;
  app.add_option("--photo", photo, "A photo with one face")->required();
  app.add_option("--folder", folder, "Where the galleries are kept")->required();
  app.add_option("--calls", calls, "Verify calls to each server");
  app.add_flag("--only-mapping", only_mapping, "Nothing but the activation without crops");
  app.add_flag("--only-pages", only_pages, "Nothing but the pages of all references");
  CLI11_PARSE(app, argc, argv);
  try {
    std::printf("%s\n", likeness::Measure(photo, folder, calls, only_mapping, only_pages).dump(2).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
