// Several servers on one gallery.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "client/model_client.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/passage.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckResponse;

constexpr char kPhoto[] = "cage.jpg";
constexpr char kOtherPhoto[] = "cage2_crop.jpg";

// A server with a folder of its own.
struct Replica {
  TemporaryFolder folder;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Client> client;

  absl::Status Start(const std::string& gallery, std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--gallery=" + gallery, absl::StrCat("--models-folder=", folder.path(), "/models"),
                               "--max-staleness=3", "--store-timeout=1"});
    auto started = ServerProcess::Start({.folder = folder.path(), .flags = std::move(flags)});
    if (!started.ok()) return started.status();
    server = *std::move(started);
    client = std::make_unique<Client>(Client::Options{.target = server->target(), .timeout = absl::Seconds(20)});
    return absl::OkStatus();
  }

  absl::StatusOr<v1::EnrollResponse> Enrol(const std::string& person) {
    v1::EnrollRequest request;
    request.set_person_id(person);
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

  bool GalleryServes() {
    const auto health = client->Health("gallery");
    return health.ok() && health->status() == HealthCheckResponse::SERVING;
  }
};

std::string ReasonOf(const absl::StatusOr<v1::VerifyResponse>& response) {
  return response.ok() ? "OK" : ErrorReasonOf(response.status());
}

class ReplicasTest : public testing::Test {
 protected:
  void SetUp() override {
    postgres_ = PostgresServer::Start();
    if (postgres_ == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    gallery_ = postgres_->NewGallery();
  }

  std::unique_ptr<PostgresServer> postgres_;
  std::string gallery_;
};

TEST_F(ReplicasTest, EnrolHereVerifyThereDeleteHereAndItIsRefusedThere) {
  Replica here, there;
  ASSERT_TRUE(here.Start(gallery_).ok()) << here.server->Log();
  ASSERT_TRUE(there.Start(gallery_).ok());
  for (int round = 0; round < 5; ++round) {
    const auto enrolled = here.Enrol("ada");
    ASSERT_TRUE(enrolled.ok()) << enrolled.status();
    const auto verified = there.Verify("ada", enrolled->revision());
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->verified());
    const auto deleted = here.Delete("ada");
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    EXPECT_GT(deleted->revision(), enrolled->revision());
    EXPECT_EQ(ReasonOf(there.Verify("ada", deleted->revision())), "PERSON_NOT_FOUND");
    EXPECT_EQ(ReasonOf(there.Verify("ada", deleted->revision() + 1000)), "REVISION_UNKNOWN");
  }
}

TEST_F(ReplicasTest, ADeletedPersonIsRefusedEverywhereAlsoByAServerThatIsCutOff) {
  Passage passage(postgres_->socket_folder());
  Replica first, second, cut_off;
  ASSERT_TRUE(first.Start(gallery_).ok());
  ASSERT_TRUE(second.Start(gallery_).ok());
  ASSERT_TRUE(cut_off.Start(PostgresServer::Through(passage.folder(), gallery_)).ok());
  const auto enrolled = first.Enrol("ada");
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  for (Replica* replica : {&first, &second, &cut_off}) {
    ASSERT_EQ(ReasonOf(replica->Verify("ada", enrolled->revision())), "OK") << "now in its memory";
  }
  EXPECT_TRUE(cut_off.GalleryServes());

  passage.Block();
  const absl::Time blocked = absl::Now();
  const auto deleted = first.Delete("ada");
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  const absl::Time gone = absl::Now();
  while (ReasonOf(second.Verify("ada")) == "OK" && absl::Now() - gone < absl::Seconds(10)) {
  }
  EXPECT_LT(absl::Now() - gone, absl::Seconds(1));
  EXPECT_EQ(ReasonOf(second.Verify("ada")), "PERSON_NOT_FOUND");

  // --max-staleness is 3 s, counted from what it heard last: half a second before it was cut off at most.
  while (absl::Now() - blocked < absl::Seconds(3.2)) cut_off.Verify("ada").IgnoreError();
  EXPECT_FALSE(cut_off.GalleryServes());
  do {
    EXPECT_EQ(ReasonOf(cut_off.Verify("ada")), "STORE_FAILED");
    absl::SleepFor(absl::Milliseconds(200));
  } while (absl::Now() - blocked < absl::Seconds(10));

  passage.Open();
  const absl::Time opened = absl::Now();
  while (!cut_off.GalleryServes() && absl::Now() - opened < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(ReasonOf(cut_off.Verify("ada")), "PERSON_NOT_FOUND");
  EXPECT_TRUE(cut_off.Enrol("bob").ok());
}

TEST_F(ReplicasTest, AModelActivatedOnOneServerAnswersOnTheOthers) {
  Replica here, there;
  const std::string bundle = ReadFile(LIKENESS_MODELS_DIR "/mobilefacenet-512.pt");
  const std::string digest = VerifySeal(bundle)->Hex();
  for (Replica* replica : {&here, &there}) {
    ASSERT_TRUE(replica->Start(gallery_).ok());
    std::ofstream(replica->folder.path() + "/models/" + digest + ".pt", std::ios::binary) << bundle;
  }
  const auto enrolled = here.Enrol("ada");
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  ModelClient models({.target = here.server->target()});
  v1::ActivateModelRequest activate;
  activate.set_digest(digest);
  EXPECT_EQ(ErrorReasonOf(models.ActivateModel(activate, nullptr).status()), "MODEL_NOT_ALLOWED");
  v1::AllowModelRequest allow;
  allow.set_digest(digest);
  ASSERT_TRUE(models.AllowModel(allow).ok());
  const auto active = models.ActivateModel(activate, nullptr);
  ASSERT_TRUE(active.ok()) << active.status();
  const absl::Time activated = absl::Now();
  absl::StatusOr<v1::VerifyResponse> verified = there.Verify("ada");
  while (verified.ok() && verified->model().digest() != digest && absl::Now() - activated < absl::Seconds(60)) {
    verified = there.Verify("ada");
  }
  ASSERT_TRUE(verified.ok()) << verified.status() << "no call may fail meanwhile";
  EXPECT_EQ(verified->model().digest(), digest);
  EXPECT_TRUE(verified->verified());
  ASSERT_TRUE(there.Enrol("bob").ok());
  EXPECT_EQ(ReasonOf(here.Verify("bob")), "OK");
}

TEST_F(ReplicasTest, VerifiesFromMemoryWhileTheDatabaseIsGoneAndRefusesChangesAtOnce) {
  Replica replica;
  ASSERT_TRUE(replica.Start(gallery_).ok());
  const auto enrolled = replica.Enrol("ada");
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  ASSERT_EQ(ReasonOf(replica.Verify("ada", enrolled->revision())), "OK");
  postgres_->Kill();
  const absl::Time killed = absl::Now();
  EXPECT_EQ(ReasonOf(replica.Verify("ada")), "OK");
  const auto refused = replica.Enrol("bob");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReasonOf(refused.status()), "STORE_FAILED");
  const absl::Time asked = absl::Now();
  EXPECT_EQ(ErrorReasonOf(replica.Delete("ada").status()), "STORE_FAILED");
  EXPECT_LT(absl::Now() - asked, absl::Milliseconds(500));
  while (replica.GalleryServes() && absl::Now() - killed < absl::Seconds(10)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_FALSE(replica.GalleryServes());
  EXPECT_EQ(replica.client->Health("")->status(), HealthCheckResponse::SERVING) << "the server itself is well";
  absl::SleepFor(killed + absl::Seconds(3.5) - absl::Now());
  EXPECT_EQ(ReasonOf(replica.Verify("ada")), "STORE_FAILED");

  ASSERT_TRUE(postgres_->StartAgain());
  const absl::Time back = absl::Now();
  while (!replica.GalleryServes() && absl::Now() - back < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(ReasonOf(replica.Verify("ada")), "OK");
  EXPECT_TRUE(replica.Enrol("bob").ok());
}

}  // namespace
}  // namespace likeness
