// Activations on servers that share a gallery: nobody who was enrolled anywhere is a stranger to any of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "client/model_client.h"
#include "client/operation_client.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/seal/seal.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

constexpr char kPhoto[] = "cage2_crop.jpg";
constexpr absl::Duration kLongest = absl::Seconds(90);

template <typename Condition>
bool Await(Condition condition) {
  const absl::Time start = absl::Now();
  while (!condition()) {
    if (absl::Now() - start > kLongest) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

// A server with a folder of its own.
struct Replica {
  TemporaryFolder folder;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Client> client;
  std::unique_ptr<ModelClient> models;
  std::unique_ptr<OperationClient> operations;

  absl::Status Start(const std::string& gallery) {
    auto started = ServerProcess::Start(
        {.folder = folder.path(),
         .flags = {"--gallery=" + gallery, absl::StrCat("--models-folder=", folder.path(), "/models"),
                   "--duplicates=off"}});
    if (!started.ok()) return started.status();
    server = *std::move(started);
    const Client::Options options{.target = server->target(), .timeout = absl::Seconds(60)};
    client = std::make_unique<Client>(options);
    models = std::make_unique<ModelClient>(options);
    operations = std::make_unique<OperationClient>(options);
    return absl::OkStatus();
  }

  void Give(const std::string& digest, const std::string& bundle) const {
    std::ofstream(folder.path() + "/models/" + digest + ".pt", std::ios::binary) << bundle;
  }

  absl::StatusOr<v1::EnrollResponse> Enrol(const std::string& person, int photos = 1) const {
    v1::EnrollRequest request;
    request.set_person_id(person);
    for (int i = 0; i < photos; ++i) request.add_photos(Photo(kPhoto));
    return client->Enroll(request);
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, int64_t min_revision = 0) const {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo(kPhoto));
    request.set_min_revision(min_revision);
    return client->Verify(request);
  }

  absl::Status Activate(const std::string& digest) const {
    v1::ActivateModelRequest request;
    request.set_digest(digest);
    return models->ActivateModel(request, nullptr).status();
  }

  bool Serves() const {
    const auto health = client->Health("");
    return health.ok() && health->status() == HealthCheckResponse::SERVING;
  }
};

class ActivationReplicasTest : public testing::Test {
 protected:
  void SetUp() override {
    postgres_ = PostgresServer::Start();
    if (postgres_ == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    const std::string gallery = postgres_->NewGallery();
    for (Replica* replica : {&a_, &b_}) ASSERT_TRUE(replica->Start(gallery).ok());
    base_ = a_.models->ListModels({})->models(0).model().digest();
    a_.Give(other_, bundle_);
    v1::AllowModelRequest allow;
    allow.set_digest(other_);
    ASSERT_TRUE(a_.models->AllowModel(allow).ok());
  }

  const std::string bundle_ = ReadFile(LIKENESS_MODELS_DIR "/mobilefacenet-512.pt");
  const std::string other_ = VerifySeal(bundle_)->Hex();
  std::string base_;
  std::unique_ptr<PostgresServer> postgres_;
  Replica a_, b_;
};

TEST_F(ActivationReplicasTest, WhoeverIsEnrolledAnywhereIsVerifiedEverywhereWhileTheModelChanges) {
  b_.Give(other_, bundle_);
  std::atomic<bool> stop = false;
  std::atomic<int> enrolled = 0;
  const auto enrol = [&](const Replica& here, const Replica& there, const std::string& prefix) {
    for (int i = 0; !stop && !HasFailure(); ++i) {
      const std::string person = absl::StrCat(prefix, i);
      const auto response = here.Enrol(person);
      ASSERT_TRUE(response.ok()) << response.status();
      for (const Replica* replica : {&here, &there}) {
        const auto verified = replica->Verify(person, response->revision());
        ASSERT_TRUE(verified.ok()) << person << ": " << verified.status();
        ASSERT_TRUE(verified->verified());
      }
      ++enrolled;
    }
  };
  std::thread on_a([&] { enrol(a_, b_, "a"); });
  std::thread on_b([&] { enrol(b_, a_, "b"); });
  for (const std::string& digest : {other_, base_, other_}) {
    const absl::Status activated = a_.Activate(digest);
    EXPECT_TRUE(activated.ok()) << activated;
    const int until = enrolled + 4;  // right after the switch, too
    EXPECT_TRUE(Await([&] { return enrolled >= until || HasFailure(); }));
    EXPECT_TRUE(Await([&] { return b_.models->ListModels({})->models(0).model().digest() == digest; }));
  }
  stop = true;
  on_a.join();
  on_b.join();
}

TEST_F(ActivationReplicasTest, AServerWithoutTheFilesIsNotReadyAndKnowsEverybodyUntilItIs) {
  ASSERT_TRUE(b_.Enrol("ada").ok());
  ASSERT_TRUE(a_.Activate(other_).ok()) << "nobody waits for a server that cannot follow";
  const auto bob = a_.Enrol("bob");
  ASSERT_TRUE(bob.ok()) << bob.status();
  const auto verified = b_.Verify("bob", bob->revision());
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->model().digest(), base_);
  EXPECT_TRUE(Await([&] { return !b_.Serves(); }));
  EXPECT_THAT(b_.server->Log(), HasSubstr(other_ + ".pt")) << "what to do";
  EXPECT_EQ(ErrorReasonOf(b_.Enrol("eve").status()), "MODEL_MISSING");
  EXPECT_TRUE(a_.Serves());
  b_.Give(other_, bundle_);
  EXPECT_TRUE(Await([&] { return b_.Serves(); }));
  EXPECT_EQ(b_.Verify("bob")->model().digest(), other_);
  EXPECT_TRUE(b_.Enrol("eve").ok());
}

TEST_F(ActivationReplicasTest, AnyServerShowsAndCancelsTheOperationOfAnother) {
  b_.Give(other_, bundle_);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(a_.Enrol(absl::StrCat("ada", i), /*photos=*/16).ok());
  std::stop_source stop;
  std::string operation;
  v1::ActivateModelRequest request;
  request.set_digest(other_);
  EXPECT_FALSE(a_.models
                   ->ActivateModel(
                       request,
                       [&](const v1::ActivateModelResponse& now) {
                         operation = now.operation();
                         if (!operation.empty()) stop.request_stop();
                       },
                       stop.get_token())
                   .ok());
  v1::GetOperationRequest get;
  get.set_name(operation);
  const auto shown = b_.operations->GetOperation(get);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->operation().metadata().model_digest(), other_);
  v1::DeleteModelRequest remove;
  remove.set_digest(other_);
  EXPECT_EQ(ErrorReasonOf(b_.models->DeleteModel(remove).status()), "MODEL_IN_USE");
  v1::CancelOperationRequest cancel;
  cancel.set_name(operation);
  ASSERT_TRUE(b_.operations->CancelOperation(cancel).ok());
  const auto ended = b_.operations->Await(operation, nullptr);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->error().reason(), "CANCELLED");
  EXPECT_EQ(a_.models->ListModels({})->models(0).model().digest(), base_);
}

TEST_F(ActivationReplicasTest, AnotherServerGoesOnWithTheActivationOfOneThatWasKilled) {
  b_.Give(other_, bundle_);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(a_.Enrol(absl::StrCat("ada", i), /*photos=*/16).ok());
  std::stop_source stop;
  std::string operation;
  v1::ActivateModelRequest request;
  request.set_digest(other_);
  a_.models
      ->ActivateModel(
          request,
          [&](const v1::ActivateModelResponse& now) {
            operation = now.operation();
            if (!operation.empty()) stop.request_stop();
          },
          stop.get_token())
      .IgnoreError();
  a_.server->Kill();
  const auto ended = b_.operations->Await(operation, nullptr);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_FALSE(ended->has_error()) << ended->error().message();
  EXPECT_THAT(b_.server->Log(), HasSubstr("activation_resumed"));
  EXPECT_EQ(b_.Verify("ada0")->model().digest(), other_);
}

}  // namespace
}  // namespace likeness
