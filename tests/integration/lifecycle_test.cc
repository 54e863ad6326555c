// Starting, health, reflection, and an orderly end.
#include <gmock/gmock.h>
#include <grpc/health/v1/health.grpc.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

constexpr char kService[] = "likeness.v1.FaceVerificationService";
constexpr char kModel[] = LIKENESS_MODELS_DIR "/mobilefacenet-192.pt";
constexpr char kFaceFinder[] = LIKENESS_MODELS_DIR "/face-finder.pt";

class LifecycleTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }

  // The flags of a server that differs from a working one in what `changed` says.
  FailedStart StartWith(const std::vector<std::string>& changed) {
    std::vector<std::string> flags = {"--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0", "--device=cpu"};
    const auto add_unless_changed = [&](const std::string& name, const std::string& value) {
      for (const std::string& flag : changed) {
        if (flag.rfind(name + "=", 0) == 0) return;
      }
      flags.push_back(name + "=" + value);
    };
    add_unless_changed("--model", kModel);
    add_unless_changed("--face-finder", kFaceFinder);
    add_unless_changed("--gallery", "sqlite:" + folder_.path() + "/other.db");
    add_unless_changed("--plaintext-gallery", "true");
    flags.insert(flags.end(), changed.begin(), changed.end());
    return RunToEnd(flags);
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(LifecycleTest, HealthNamesTheServerAndItsService) {
  Start();
  Client client({.target = server_->target()});
  for (const char* name : {"", kService}) {
    const absl::StatusOr<HealthCheckResponse> health = client.Health(name);
    ASSERT_TRUE(health.ok()) << health.status();
    EXPECT_EQ(health->status(), HealthCheckResponse::SERVING);
  }
  EXPECT_EQ(client.Health("no.such.Service").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LifecycleTest, AWatcherSeesNotServingBeforeTheEndAndDoesNotDelayIt) {
  Start({"--drain-delay=0.2", "--grace-period=60"});
  const auto stub = grpc::health::v1::Health::NewStub(server_->Connect());
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service(kService);
  const auto reader = stub->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  const absl::Time asked = absl::Now();
  server_->Terminate();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(server_->Wait(), 0) << server_->Log();
  EXPECT_LT(absl::Now() - asked, absl::Seconds(50)) << "the watcher held the server until the grace period was over";
}

// What was admitted is answered, however long it had to wait; not even one is refused or cut off.
TEST_F(LifecycleTest, CallsInFlightAreAnsweredBeforeTheEnd) {
  Start({"--workers=1"});
  constexpr int kCalls = 40;  // fewer than may wait
  const auto stub = server_->Stub();
  v1::EmbedRequest request;
  request.set_photo(Photo("cage.jpg"));
  std::vector<grpc::Status> statuses(kCalls);
  std::vector<std::thread> callers;
  for (grpc::Status& status : statuses) {
    callers.emplace_back([&] {
      grpc::ClientContext context;
      v1::EmbedResponse response;
      status = stub->Embed(&context, request, &response);
    });
  }
  // Until all have been admitted: one is with the worker, and more than one waits.
  const auto answered = [&] {
    const double count = server_->Metric("likeness_rpc_total{code=\"OK\",method=\"Embed\"}");
    return std::isnan(count) ? 0 : count;
  };
  double before_the_end = 0;
  double waiting = 0;
  do {
    before_the_end = answered();
    waiting = server_->Metric("likeness_queue_depth");
    ASSERT_LT(before_the_end, kCalls - 1) << "they were answered before it could be looked at";
  } while (before_the_end + 1 + waiting < kCalls || waiting < 2);
  server_->Terminate();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(server_->Wait(), 0) << server_->Log();
  for (const grpc::Status& status : statuses) EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(LifecycleTest, TheGalleryOutlivesTheServer) {
  Start();
  Client client({.target = server_->target()});
  v1::EnrollRequest enroll;
  enroll.set_person_id("cage");
  enroll.add_photos(Photo("cage.jpg"));
  ASSERT_TRUE(client.Enroll(enroll).ok());
  server_->Terminate();
  ASSERT_EQ(server_->Wait(), 0);
  Start();
  EXPECT_EQ(server_->Metric("likeness_gallery_persons"), 1);
  Client again({.target = server_->target()});
  v1::VerifyRequest verify;
  verify.set_person_id("cage");
  verify.set_photo(Photo("cage2_crop.jpg"));
  const absl::StatusOr<v1::VerifyResponse> response = again.Verify(verify);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->verified());
}

TEST_F(LifecycleTest, ASecondServerOnTheSameGalleryIsRefused) {
  Start();
  const FailedStart second = StartWith({"--gallery=sqlite:" + folder_.path() + "/gallery.db"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.log, HasSubstr("another server has it open"));
}

// Each server used to take every training in a models folder that servers share for its own.
TEST_F(LifecycleTest, ASecondServerOnTheSameTrainingsFolderIsRefused) {
  Start();
  const std::string models = "--models-folder=" + folder_.path() + "/gallery.db.models";
  const FailedStart second = StartWith({models});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.log, HasSubstr("--trainings-folder of its own"));
  const std::string alias = folder_.path() + "/alias";
  std::filesystem::create_directory_symlink(folder_.path() + "/gallery.db.models/trainings", alias);
  for (const std::string& name : {alias, alias + "/"}) {
    EXPECT_THAT(StartWith({"--trainings-folder=" + name}).log, HasSubstr("--trainings-folder of its own")) << name;
  }
  TemporaryFolder other;
  const auto third = ServerProcess::Start(
      {.folder = other.path(), .flags = {models, "--trainings-folder=" + other.path() + "/of/its/own/"}});
  EXPECT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(std::filesystem::status(other.path() + "/of/its/own").permissions(), std::filesystem::perms::owner_all);
}

// It used to take whatever was no training for what a kill had left of one.
TEST_F(LifecycleTest, AWrongTrainingsFolderLosesNothing) {
  const std::string wrong = folder_.path() + "/wrong";
  std::filesystem::create_directories(wrong + "/photos");
  std::ofstream(wrong + "/master.keys") << "keys";
  std::ofstream(wrong + "/photos/photo.jpg") << "a photo";
  Start({"--trainings-folder=" + wrong});
  EXPECT_TRUE(std::filesystem::exists(wrong + "/master.keys"));
  EXPECT_TRUE(std::filesystem::exists(wrong + "/photos/photo.jpg"));
}

TEST_F(LifecycleTest, AnOldConnectionIsRenewedAndNoCallFails) {
  Start({"--max-connection-age=1"});
  const auto channel = server_->Connect();
  const auto stub = v1::FaceVerificationService::NewStub(channel);
  const auto list = [&stub] {
    grpc::ClientContext context;
    v1::ListPersonsResponse response;
    return stub->ListPersons(&context, {}, &response);
  };
  ASSERT_TRUE(list().ok());
  ASSERT_TRUE(
      channel->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + std::chrono::seconds(60)));
  EXPECT_TRUE(list().ok());
}

TEST_F(LifecycleTest, ASecondServerOnTheSamePortIsRefused) {
  Start();
  const FailedStart second = StartWith({"--address=" + server_->target()});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.log, HasSubstr("cannot listen on"));
}

TEST_F(LifecycleTest, ABundleWithOneAlteredByteIsRefused) {
  std::string bundle = ReadFile(kModel);
  bundle[bundle.size() / 2] = static_cast<char>(bundle[bundle.size() / 2] ^ 1);
  const std::string altered = folder_.path() + "/altered.pt";
  std::ofstream(altered, std::ios::binary) << bundle;
  const FailedStart failed = StartWith({"--model=" + altered});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.log, HasSubstr("altered.pt: the file does not match its seal"));
}

TEST_F(LifecycleTest, ABundleOfTheOtherKindIsRefused) {
  const FailedStart failed = StartWith({absl::StrCat("--model=", kFaceFinder)});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.log, HasSubstr("field kind is not embedding"));
}

TEST_F(LifecycleTest, ATargetRateThatWasNeverMeasuredIsRefused) {
  const FailedStart failed = StartWith({"--target-fmr=1e-8"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.log, HasSubstr("the lowest that they do is 5e-05"));
}

TEST_F(LifecycleTest, BadFlagsEndWithCodeTwo) {
  for (const char* flag : {"--no-such-flag", "--gallery=mysql:x", "--workers=-1", "--model=/does/not/exist.pt"}) {
    EXPECT_EQ(StartWith({flag}).exit_code, 2) << flag;
  }
}

}  // namespace
}  // namespace likeness
