// The encryption of a gallery with people in it, killed, shared and begun under a server that cannot do it.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/gallery/postgres_database.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sql_values.h"
#include "server/gallery/sqlite_database.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckResponse;

constexpr char kPhoto[] = "cage.jpg";
constexpr char kOtherPhoto[] = "cage2_crop.jpg";
constexpr char kSecret[] = "a crop in the open";
constexpr char kRest[] = "likeness_gallery_persons_to_encrypt";
constexpr absl::Duration kLimit = absl::Minutes(2);

std::string PersonId(int number) { return absl::StrFormat("person-%05d", number); }
std::string ReferenceId(int number) { return absl::StrFormat("%032x", number); }

bool Await(const std::function<bool()>& condition) {
  const absl::Time until = absl::Now() + kLimit;
  while (!condition()) {
    if (absl::Now() > until) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

absl::StatusOr<v1::VerifyResponse> Verify(const ServerProcess& server, const std::string& person) {
  v1::VerifyRequest request;
  request.set_person_id(person);
  request.set_photo(Photo(kOtherPhoto));
  return Client({.target = server.target(), .timeout = absl::Seconds(60)}).Verify(request);
}

absl::StatusOr<v1::EnrollResponse> Enroll(const ServerProcess& server, const std::string& person) {
  v1::EnrollRequest request;
  request.set_person_id(person);
  request.add_photos(Photo(kPhoto));
  return Client({.target = server.target(), .timeout = absl::Seconds(60)}).Enroll(request);
}

HealthCheckResponse::ServingStatus Health(const ServerProcess& server, const std::string& part) {
  const auto health = Client({.target = server.target()}).Health(part);
  return health.ok() ? health->status() : HealthCheckResponse::UNKNOWN;
}

// The embedding that a server makes of kPhoto.
Embedding EmbeddingOfPhoto() {
  const TemporaryFolder folder;
  const auto server = ServerProcess::Start({.folder = folder.path(), .flags = {}});
  EXPECT_TRUE(server.ok()) << server.status();
  v1::EmbedRequest request;
  request.set_photo(Photo(kPhoto));
  const auto response = Client({.target = (*server)->target(), .timeout = absl::Seconds(60)}).Embed(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return {*ModelDigest::FromHex(response->model().digest()),
          {response->embedding().begin(), response->embedding().end()}};
}

std::shared_ptr<const Protection> TestProtection() {
  return std::make_shared<const Protection>(*MasterKeys::FromText(kMasterKey, "the test"));
}

// Enrols so many people in one transaction: that is what a gallery of months looks like, in seconds.
absl::Status FillInPlaintext(SqlDatabase& database, int people, const Embedding& embedding) {
  return database.Write([&](SqlSession& session) {
    const absl::string_view model = AsText(embedding.model.bytes), values = AsText(embedding.values);
    for (int i = 0; i < people; ++i) {
      const PersonCipher cipher = Protection::PlaintextCipherFor(PersonId(i));
      session.Change("INSERT INTO person (person_id, create_time) VALUES ($1, $2)", {Text(PersonId(i)), int64_t{1}});
      const SqlValue number =
          session
              .Run(
                  "INSERT INTO face_reference (reference_id, person_id, create_time, model_digest) VALUES ($1, $2, $3, "
                  "$4) RETURNING number",
                  {Text(ReferenceId(i)), Text(PersonId(i)), int64_t{1}, Bytes(model)})
              .at(0)
              .at(0);
      const StoredContent stored = cipher.Store(ReferenceId(i), model, values);
      session.Change("INSERT INTO embedding (reference, model_digest, embedding, checksum) VALUES ($1, $2, $3, $4)",
                     {number, Bytes(model), Blob{stored.bytes}, Blob{stored.proof}});
      const StoredContent crop = cipher.Store(ReferenceId(i), "arcface112", kSecret);
      session.Change("INSERT INTO crop (reference, kind, picture, checksum) VALUES ($1, $2, $3, $4)",
                     {number, Text("arcface112"), Blob{crop.bytes}, Blob{crop.proof}});
    }
    session.Change("UPDATE gallery SET persons = $1, face_references = $1", {int64_t{people}});
    return absl::OkStatus();
  });
}

// How many people a gallery has whose references can all be read under the master key.
int Readable(std::unique_ptr<SqlDatabase> database, const Embedding& embedding, int people) {
  const auto store = SqlStore::Open(std::move(database), TestProtection());
  EXPECT_TRUE(store.ok()) << store.status();
  int readable = 0;
  for (int i = 0; store.ok() && i < people; ++i) {
    const auto references = (*store)->References(PersonId(i));
    if (references.ok() && references->size() == 1 && references->front().embedding.values == embedding.values) {
      ++readable;
    }
  }
  return readable;
}

TEST(EncryptionTest, GoesOnAfterAKillAndLeavesNobodyBehind) {
  constexpr int kPeople = 20'000;
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/gallery.db";
  const Embedding embedding = EmbeddingOfPhoto();
  ASSERT_TRUE(SqlStore::Open(*SqliteDatabase::Open(path), Protection::Plaintext()).ok());
  ASSERT_TRUE(FillInPlaintext(**SqliteDatabase::Open(path), kPeople, embedding).ok());
  const std::string bytes(AsText(embedding.values));
  ASSERT_NE(ReadFile(path).find(bytes), std::string::npos);

  auto server = ServerProcess::Start({.folder = folder.path(), .flags = {}});
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE(Await([&] { return (*server)->Metric(kRest) < kPeople * 3 / 4; }));
  (*server)->Kill();
  int64_t left = 0;
  {
    SQLite::Database database(path, SQLite::OPEN_READONLY);
    left = database.execAndGet("SELECT count(*) FROM person WHERE data_key IS NULL").getInt64();
  }
  ASSERT_GT(left, 0) << "the kill came too late to interrupt anything";
  ASSERT_LT(left, kPeople);

  server = ServerProcess::Start({.folder = folder.path(), .flags = {}});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(Health(**server, ""), HealthCheckResponse::SERVING);
  EXPECT_EQ(Health(**server, "gallery"), HealthCheckResponse::SERVING);
  // One who was encrypted, and one who perhaps still is not.
  for (const int number : {0, kPeople - 1}) {
    const auto verified = Verify(**server, PersonId(number));
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->verified());
  }
  const auto added = Enroll(**server, PersonId(kPeople - 2));
  EXPECT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->reference_count(), 2);
  ASSERT_TRUE(Await([&] { return (*server)->Metric(kRest) == 0; })) << (*server)->Log();
  ASSERT_TRUE(Await([&] { return (*server)->Log().find("gallery_encrypted") != std::string::npos; }));
  const std::string on_disk = ReadFile(path) + ReadFile(path + "-wal");
  EXPECT_EQ(on_disk.find(bytes), std::string::npos);
  EXPECT_EQ(on_disk.find(kSecret), std::string::npos);
  (*server)->Kill();
  EXPECT_EQ(Readable(*SqliteDatabase::Open(path), embedding, kPeople), kPeople - 1) << "all but the one with two";
}

TEST(EncryptionTest, IsSharedByTwoServersAndStopsAThirdThatHasNoKey) {
  constexpr int kPeople = 2'000;
  const auto postgres = PostgresServer::Start();
  if (postgres == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  const std::string url = postgres->NewGallery();
  const auto open = [&] { return *PostgresDatabase::Open({.url = url, .timeout = absl::Seconds(60)}); };
  const Embedding embedding = EmbeddingOfPhoto();
  ASSERT_TRUE(SqlStore::Open(open(), Protection::Plaintext()).ok());
  const absl::Status filled = FillInPlaintext(*open(), kPeople, embedding);
  ASSERT_TRUE(filled.ok()) << filled;

  const TemporaryFolder first_folder, second_folder, third_folder;
  const auto start = [&](const TemporaryFolder& folder, bool plaintext) {
    return ServerProcess::Start({.folder = folder.path(),
                                 .flags = {"--gallery=" + url, "--models-folder=" + folder.path() + "/models"},
                                 .plaintext = plaintext});
  };
  const auto third = start(third_folder, true);
  ASSERT_TRUE(third.ok()) << third.status();
  ASSERT_TRUE(Enroll(**third, "before").ok());
  std::atomic<int> acknowledged{0};
  absl::Status refusal;
  std::thread enrolling([&] {
    while (true) {
      const auto enrolled = Enroll(**third, absl::StrCat("meanwhile-", acknowledged.load()));
      if (!enrolled.ok()) {
        refusal = enrolled.status();
        return;
      }
      ++acknowledged;
    }
  });
  std::optional<absl::StatusOr<std::unique_ptr<ServerProcess>>> first, second;
  std::thread starting([&] { first = start(first_folder, false); });
  second = start(second_folder, false);
  starting.join();
  enrolling.join();
  ASSERT_TRUE(first->ok()) << first->status();
  ASSERT_TRUE(second->ok()) << second->status();
  EXPECT_EQ(refusal.code(), absl::StatusCode::kFailedPrecondition) << refusal;
  EXPECT_EQ(ErrorReasonOf(refusal), "MASTER_KEY_MISSING");
  EXPECT_EQ(RetryDelayOf(refusal), std::nullopt);
  EXPECT_TRUE(Await([&] { return Health(**third, "gallery") == HealthCheckResponse::NOT_SERVING; }));
  for (const auto* server : {&first, &second}) {
    ASSERT_TRUE(Await([&] { return (***server)->Metric(kRest) == 0; })) << (***server)->Log();
    EXPECT_EQ(Health(****server, "gallery"), HealthCheckResponse::SERVING);
  }
  EXPECT_EQ(Readable(open(), embedding, kPeople), kPeople);
  std::vector<std::string> persons = {"before", PersonId(0), PersonId(kPeople - 1)};
  for (int i = 0; i < acknowledged; ++i) persons.push_back(absl::StrCat("meanwhile-", i));
  for (const std::string& person : persons) {
    const auto verified = Verify(***first, person);
    ASSERT_TRUE(verified.ok()) << person << verified.status();
    EXPECT_TRUE(verified->verified());
  }
  const auto size = (*SqlStore::Open(open(), TestProtection()))->Size();
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(size->persons, kPeople + 1 + acknowledged) << "nobody was enrolled without an answer";
}

}  // namespace
}  // namespace likeness
