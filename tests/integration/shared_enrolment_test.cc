// Enrolments by real servers that share a gallery in PostgreSQL: by two at once, and by one whose database hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "server/gallery/postgres_connection.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

constexpr char kPhoto[] = "cage.jpg";
constexpr char kOtherPhoto[] = "cage2_crop.jpg";
constexpr absl::Duration kLimit = absl::Seconds(60);

struct Replica {
  TemporaryFolder folder;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Client> client;

  void Start(const std::string& gallery, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--gallery=" + gallery, absl::StrCat("--models-folder=", folder.path(), "/models"),
                               "--store-timeout=60"});
    auto started = ServerProcess::Start({.folder = folder.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    client = std::make_unique<Client>(Client::Options{.target = server->target(), .timeout = 2 * kLimit});
  }

  absl::StatusOr<v1::EnrollResponse> Enrol(const std::string& person, bool validate_only = false) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.set_validate_only(validate_only);
    request.add_photos(Photo(kPhoto));
    return client->Enroll(request);
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, int64_t min_revision = 0) {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo(kOtherPhoto));
    request.set_min_revision(min_revision);
    return client->Verify(request);
  }

  absl::StatusOr<v1::DeletePersonResponse> Delete(const std::string& person) {
    v1::DeletePersonRequest request;
    request.set_person_id(person);
    return client->DeletePerson(request);
  }
};

template <typename Condition>
bool Await(Condition condition) {
  const absl::Time limit = absl::Now() + kLimit;
  while (!condition() && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(10));
  return condition();
}

class SharedEnrolmentTest : public testing::Test {
 protected:
  void SetUp() override {
    postgres_ = PostgresServer::Start();
    if (postgres_ == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    gallery_ = postgres_->NewGallery();
  }

  std::unique_ptr<PostgresServer> postgres_;
  std::string gallery_;
};

TEST_F(SharedEnrolmentTest, OneFaceUnderTwoIdsOnTwoServersAtOnceIsRefusedOnce) {
  Replica here, there;
  here.Start(gallery_, {"--duplicates=refuse"});
  there.Start(gallery_, {"--duplicates=refuse"});
  for (int round = 0; round < 10; ++round) {
    absl::StatusOr<v1::EnrollResponse> of_ada, of_bob;
    {
      std::jthread first([&] { of_ada = here.Enrol("ada"); });
      std::jthread second([&] { of_bob = there.Enrol("bob"); });
    }
    ASSERT_NE(of_ada.ok(), of_bob.ok()) << "round " << round << ": " << of_ada.status() << "; " << of_bob.status();
    EXPECT_EQ(ErrorReasonOf((of_ada.ok() ? of_bob : of_ada).status()), "DUPLICATE_OF");
    // On the server that did not enrol: its index hears of it from the log.
    const auto deleted = of_ada.ok() ? there.Delete("ada") : here.Delete("bob");
    ASSERT_TRUE(deleted.ok()) << deleted.status();
  }
}

TEST_F(SharedEnrolmentTest, WhoWasDeletedAndEnrolledAgainHereIsADuplicateThere) {
  Replica here, there;
  here.Start(gallery_, {});
  there.Start(gallery_, {});
  std::atomic<bool> over = false;
  std::jthread searches([&] {
    while (!over) EXPECT_TRUE(there.Enrol("bob", /*validate_only=*/true).ok());
  });
  for (int round = 0; round < 10; ++round) {
    const auto enrolled = here.Enrol("ada");
    ASSERT_TRUE(enrolled.ok()) << enrolled.status();
    ASSERT_TRUE(there.Verify("ada", enrolled->revision()).ok());
    const auto checked = there.Enrol("bob", /*validate_only=*/true);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->duplicates_size(), 1) << "round " << round;
    ASSERT_TRUE(here.Delete("ada").ok());
  }
  over = true;
}

// Two enrolments that waited for the database kept everybody from being verified, though from memory.
TEST_F(SharedEnrolmentTest, EnrolmentsThatWaitForTheDatabaseDoNotStopAVerifyOfAPersonInMemory) {
  Replica replica;
  replica.Start(gallery_, {"--workers=2"});
  const auto enrolled = replica.Enrol("ada");
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  ASSERT_TRUE(replica.Verify("ada", enrolled->revision()).ok()) << "now in memory";

  PostgresConnection locker(gallery_, kLimit);
  locker.Execute("BEGIN");
  locker.Run("SELECT 1 FROM gallery FOR UPDATE");
  std::vector<absl::Status> outcomes(4);
  std::vector<std::jthread> callers;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    callers.emplace_back([&, i] { outcomes[i] = replica.Enrol(absl::StrCat("person ", i)).status(); });
  }
  PostgresConnection watcher(gallery_, kLimit);
  ASSERT_TRUE(Await([&] {
    const auto rows = watcher.Run("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return std::get<int64_t>(rows[0][0]) > 0 && replica.server->Metric("likeness_queue_depth") >= 2;
  })) << "they wait for the row, or for a worker";
  for (int i = 0; i < 3; ++i) {
    v1::VerifyRequest request;
    request.set_person_id("ada");
    request.set_photo(Photo(kOtherPhoto));
    Client client({.target = replica.server->target(), .timeout = absl::Seconds(15)});
    const auto verified = client.Verify(request);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->verified());
  }
  locker.Execute("COMMIT");
  callers.clear();
  for (const absl::Status& outcome : outcomes) EXPECT_TRUE(outcome.ok()) << outcome;
}

TEST_F(SharedEnrolmentTest, AServerHasItsIndexBeforeAnybodyAsksForIt) {
  Replica here, there;
  here.Start(gallery_, {});
  ASSERT_TRUE(here.Enrol("ada").ok());
  there.Start(gallery_, {});
  EXPECT_TRUE(Await([&] { return there.server->Metric("likeness_indexed_references") == 1; }));
  ASSERT_TRUE(here.Enrol("bob").ok());
  EXPECT_TRUE(Await([&] { return there.server->Metric("likeness_indexed_references") == 2; })) << "and keeps up";
  ASSERT_TRUE(here.Delete("ada").ok());
  EXPECT_TRUE(Await([&] { return there.server->Metric("likeness_indexed_references") == 1; }));
}

}  // namespace
}  // namespace likeness
