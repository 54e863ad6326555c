// What the first Enroll costs in a large gallery on PostgreSQL, and what it costs those who are verified meanwhile:
// right after the server serves, and once it has filled its index by itself.
//
//   first_enroll_benchmark --photo cage.jpg --people 150000
//
// A database server of its own, in a temporary folder; encrypted. Prints one JSON object.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_database.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sql_values.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

constexpr int kPeopleAtOnce = 500;
constexpr int kEmbeddingSize = 192;
constexpr char kBundle[] = LIKENESS_MODELS_DIR "/mobilefacenet-192.pt";

template <typename Result>
Result OrThrow(absl::StatusOr<Result> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}

std::string PersonId(int number) { return absl::StrFormat("person-%07d", number); }

std::vector<float> RandomDirection(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(kEmbeddingSize);
  float squares = 0;
  for (float& value : values) {
    value = normal(random);
    squares += value * value;
  }
  for (float& value : values) value /= std::sqrt(squares);
  return values;
}

// "INSERT … VALUES ($1, $2), ($3, $4)…"
std::string InsertMany(const std::string& into, int columns, const std::string& then = "") {
  std::string sql = "INSERT INTO " + into + " VALUES ";
  for (int i = 0; i < kPeopleAtOnce * columns; ++i) {
    if (i % columns == 0) absl::StrAppend(&sql, i == 0 ? "(" : ", (");
    absl::StrAppend(&sql, "$", i + 1, (i + 1) % columns == 0 ? ")" : ", ");
  }
  return sql + then;
}

// People with one random reference each, in a few statements: one by one it would take minutes.
void MakeGallery(const std::string& url, int people, const ModelDigest& model) {
  const auto protection = std::make_shared<const Protection>(*MasterKeys::FromText(kMasterKey, "the benchmark"));
  PostgresOptions options;
  options.url = url;
  OrThrow(SqlStore::Open(OrThrow(PostgresDatabase::Open(options)), protection));
  PostgresConnection connection(url, absl::Minutes(10));
  const std::string insert_persons = InsertMany("person (person_id, create_time, data_key)", 3);
  const std::string insert_references = InsertMany(
      "face_reference (reference_id, person_id, create_time, model_digest)", 4, " RETURNING number, person_id");
  const std::string insert_embeddings = InsertMany("embedding (reference, model_digest, embedding, checksum)", 4);
  std::mt19937 random(1);
  connection.Execute("BEGIN");
  for (int first = 0; first < people; first += kPeopleAtOnce) {
    std::vector<SqlValue> persons, references, embeddings;
    std::vector<std::string> keys;
    for (int number = first; number < first + kPeopleAtOnce; ++number) {
      const SqlValue id = Text(PersonId(number)), now = Micros(absl::Now());
      keys.push_back(*protection->NewPersonKey(PersonId(number)));
      persons.insert(persons.end(), {id, now, Bytes(keys.back())});
      references.insert(references.end(), {Text(absl::StrFormat("%032x", number)), id, now, Digest(model)});
    }
    connection.Change(insert_persons.c_str(), persons);
    for (const SqlRow& row : connection.Run(insert_references.c_str(), references)) {
      const std::string& id = TextIn(row[1]);
      const size_t place = embeddings.size() / 4;
      const PersonCipher cipher = OrThrow(protection->CipherFor(id, keys[place]));
      StoredContent stored = cipher.Store(absl::StrFormat("%032x", first + static_cast<int>(place)),
                                          AsText(model.bytes), AsText(RandomDirection(random)));
      embeddings.insert(embeddings.end(),
                        {row[0], Digest(model), Blob{std::move(stored.bytes)}, Blob{std::move(stored.proof)}});
    }
    connection.Change(insert_embeddings.c_str(), embeddings);
  }
  connection.Change("UPDATE gallery SET persons = $1, face_references = $1", {int64_t{people}});
  connection.Execute("COMMIT");
  // What a database does by itself some time after so many rows came would count for the server.
  connection.Execute("VACUUM ANALYZE");
  connection.Execute("CHECKPOINT");
}

// A server, somebody who is enrolled, and somebody who is verified from memory all the time.
class Subject {
 public:
  Subject(const std::string& gallery, const std::string& photo) : photo_(photo) {
    server_ = OrThrow(ServerProcess::Start(
        {.folder = folder_.path(),
         .flags = {"--gallery=" + gallery, "--workers=2", "--log-level=warning",
                   "--models-folder=" + folder_.path() + "/models", "--mismatch-budget=off", "--store-timeout=60"}}));
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target(), .timeout = absl::Minutes(5)});
    start_ = absl::Now();
    Verify();  // now in memory
  }

  // The seconds of an Enroll, with how long verifications took meanwhile.
  double Enroll(const std::string& person, std::vector<double>& verify_milliseconds) {
    std::atomic<bool> enrolled = false;
    double seconds = 0;
    std::jthread caller([&] {
      v1::EnrollRequest request;
      request.set_person_id(person);
      request.add_photos(photo_);
      const absl::Time begin = absl::Now();
      const auto response = client_->Enroll(request);
      seconds = absl::ToDoubleSeconds(absl::Now() - begin);
      if (!response.ok()) std::fprintf(stderr, "%s\n", std::string(response.status().message()).c_str());
      enrolled = true;
    });
    while (!enrolled) verify_milliseconds.push_back(Verify());
    caller.join();
    return seconds;
  }

  // Milliseconds.
  double Verify() {
    v1::VerifyRequest request;
    request.set_person_id(PersonId(0));
    request.set_photo(photo_);
    const absl::Time begin = absl::Now();
    OrThrow(client_->Verify(request));
    return absl::ToDoubleMilliseconds(absl::Now() - begin);
  }

  std::vector<double> VerifyUntilFilled(double people) {
    std::vector<double> milliseconds;
    while (!(server_->Metric("likeness_indexed_references") >= people)) {
      for (int i = 0; i < 5; ++i) milliseconds.push_back(Verify());
    }
    return milliseconds;
  }

  double Age() const { return absl::ToDoubleSeconds(absl::Now() - start_); }

 private:
  const std::string photo_;
  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  absl::Time start_;
};

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

nlohmann::ordered_json Measure(const std::string& photo_path, int people) {
  const std::string photo = ReadFile(photo_path);
  const ModelDigest model = OrThrow(VerifySeal(ReadFile(kBundle)));
  const std::unique_ptr<PostgresServer> postgres = PostgresServer::Start();
  if (postgres == nullptr) throw std::runtime_error("PostgreSQL is not installed");
  const std::string gallery = postgres->NewGallery();
  MakeGallery(gallery, people, model);

  std::vector<double> quiet, while_cold, while_warm;
  double cold, warm, filled_after;
  std::vector<double> while_filling;
  {
    Subject subject(gallery, photo);
    cold = subject.Enroll("first-cold", while_cold);
  }
  {
    Subject subject(gallery, photo);
    while_filling = subject.VerifyUntilFilled(people);
    filled_after = subject.Age();
    for (int i = 0; i < 200; ++i) quiet.push_back(subject.Verify());
    warm = subject.Enroll("first-warm", while_warm);
  }
  const double median = Quantile(quiet, 0.5);
  return {{"people", people},
          {"first_enroll_seconds_at_once", cold},
          {"first_enroll_seconds_index_filled", warm},
          {"index_filled_after_seconds", filled_after},
          {"verify_ms", median},
          {"verify_ms_quiet_max", Quantile(quiet, 1)},
          {"verify_ms_max_during_enroll_at_once", Quantile(while_cold, 1)},
          {"verify_ms_median_during_enroll_at_once", Quantile(while_cold, 0.5)},
          {"verify_ms_max_while_filled", Quantile(while_filling, 1)},
          {"verify_ms_median_while_filled", Quantile(while_filling, 0.5)},
          {"verify_max_of_median", std::max(Quantile(while_cold, 1), Quantile(while_filling, 1)) / median}};
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  CLI::App app("The first Enroll in a large gallery on PostgreSQL");
  std::string photo;
  int people = 150'000;
  app.add_option("--photo", photo, "A photo with one face")->required();
  app.add_option("--people", people, "In the gallery, a multiple of 500");
  CLI11_PARSE(app, argc, argv);
  try {
    std::printf("%s\n", likeness::Measure(photo, people).dump(2).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
