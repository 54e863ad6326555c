#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "client/client.h"
#include "client/model_client.h"
#include "server/seal/seal.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr int kRounds = 50;
constexpr int kCallers = 3;

int EntriesOf(const char* folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// What a server that has ended must have given back.
struct Held {
  int threads = EntriesOf("/proc/self/task");
  int files = EntriesOf("/proc/self/fd");
};

// Waits until no more is held than that, for gRPC ends its last threads in its own time; what is held then.
Held AwaitNoMoreThan(const Held& before) {
  Held now;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while ((now.threads > before.threads || now.files > before.files) && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
    now = Held();
  }
  return now;
}

// Somebody who enrolls and verifies until the server has ended, and keeps what was answered.
class Caller {
 public:
  Caller(int port, std::string name)
      : name_(std::move(name)), client_({.target = absl::StrCat("127.0.0.1:", port)}), thread_([this] { Run(); }) {}

  // Until it has been answered so often.
  void AwaitAnswers(int count) const {
    while (answered_ < count) std::this_thread::yield();
  }
  const std::vector<absl::Status>& AwaitEnd() {
    thread_.join();
    return outcomes_;
  }

 private:
  void Run() {
    v1::EnrollRequest enroll;
    enroll.add_photos(ReadFile(PhotoPath("cage2_crop.jpg")));
    v1::VerifyRequest verify;
    verify.set_photo(ReadFile(PhotoPath("cage2_crop.jpg")));
    do {
      enroll.set_person_id(absl::StrCat(name_, "-", outcomes_.size()));
      outcomes_.push_back(client_.Enroll(enroll).status());
      ++answered_;
      if (!outcomes_.back().ok()) return;
      verify.set_person_id(enroll.person_id());
      outcomes_.push_back(client_.Verify(verify).status());
      ++answered_;
    } while (outcomes_.back().ok());
  }

  const std::string name_;
  Client client_;
  std::vector<absl::Status> outcomes_;
  std::atomic<int> answered_ = 0;
  std::thread thread_;
};

class ServerTest : public testing::Test {
 protected:
  // As the command line makes it.
  ServerConfig Config(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> flags = {"likeness-server",
                                      "--address=127.0.0.1:0",
                                      "--metrics-address=127.0.0.1:0",
                                      "--device=cpu",
                                      "--workers=2",
                                      "--model=" + ModelPath("mobilefacenet-192.pt"),
                                      "--face-finder=" + ModelPath("face-finder.pt"),
                                      "--gallery=sqlite:" + gallery_,
                                      "--plaintext-gallery=true"};
    flags.insert(flags.end(), more.begin(), more.end());
    std::vector<const char*> argv;
    for (const std::string& flag : flags) argv.push_back(flag.c_str());
    CommandLine parsed = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
    EXPECT_FALSE(parsed.exit) << parsed.output;
    return std::move(parsed.config);
  }

  const std::string gallery_ = UniquePath("gallery.db");
};

TEST_F(ServerTest, StartsAndStopsFiftyTimesUnderLoad) {
  SetLogLevel(LogLevel::kError);
  const ServerConfig config = Config();
  Held after_first;
  int answered = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto server = Server::Start(config);
    ASSERT_THAT(server, IsOk()) << "in round " << round;
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.push_back(std::make_unique<Caller>((*server)->grpc_port(), absl::StrCat(round, "-", i)));
    }
    for (const auto& caller : callers) caller->AwaitAnswers(2);
    (*server)->Stop();  // with calls in flight: each of them calls without a pause
    for (const auto& caller : callers) {
      const std::vector<absl::Status>& outcomes = caller->AwaitEnd();
      for (size_t i = 0; i + 1 < outcomes.size(); ++i) EXPECT_THAT(outcomes[i], IsOk()) << "in round " << round;
      EXPECT_EQ(outcomes.back().code(), absl::StatusCode::kUnavailable) << outcomes.back() << " in round " << round;
      answered += static_cast<int>(outcomes.size()) - 1;
    }
    callers.clear();
    server->reset();
    if (round == 0) after_first = Held();
  }
  EXPECT_GE(answered, kRounds * kCallers * 2);
  const Held now = AwaitNoMoreThan(after_first);
  EXPECT_LE(now.threads, after_first.threads);
  EXPECT_LE(now.files, after_first.files);
}

TEST_F(ServerTest, StopsOnceHoweverOftenItIsAsked) {
  auto server = Server::Start(Config());
  ASSERT_THAT(server, IsOk());
  const std::string target = absl::StrCat("127.0.0.1:", (*server)->grpc_port());
  ASSERT_THAT(Client({.target = target}).Health(""), IsOk());
  (*server)->Stop();
  EXPECT_EQ(Client({.target = target}).Health("").status().code(), absl::StatusCode::kUnavailable);
  (*server)->Stop();
}

TEST_F(ServerTest, AnActivationDoesNotHoldUpTheEndAndGoesOnAtTheNextStart) {
  const std::string bundle = ReadFile(ModelPath("mobilefacenet-512.pt"));
  const std::string other = VerifySeal(bundle)->Hex();
  const std::string models = gallery_ + ".models";
  std::filesystem::create_directories(models);
  WriteFile(absl::StrCat(models, "/", other, ".pt"), bundle);
  const ServerConfig config = Config({"--target-fmr=1e-3"});
  auto server = Server::Start(config);
  ASSERT_THAT(server, IsOk());
  Client::Options options{.target = absl::StrCat("127.0.0.1:", (*server)->grpc_port()), .timeout = absl::Minutes(5)};
  // Three batches for the network.
  for (int person = 0; person < 12; ++person) {
    v1::EnrollRequest enroll;
    enroll.set_person_id(absl::StrCat("person-", person));
    for (int photo = 0; photo < 8; ++photo) enroll.add_photos(ReadFile(PhotoPath("cage2_crop.jpg")));
    ASSERT_THAT(Client(options).Enroll(enroll), IsOk());
  }
  v1::AllowModelRequest allow;
  allow.set_digest(other);
  ASSERT_THAT(ModelClient(options).AllowModel(allow), IsOk());

  absl::Notification begun;
  absl::Status watched;
  std::thread watcher([&] {
    v1::ActivateModelRequest activate;
    activate.set_digest(other);
    activate.set_unmeasured(true);
    watched = ModelClient(options)
                  .ActivateModel(activate,
                                 [&](const v1::ActivateModelResponse& now) {
                                   if (now.embedded_references() > 0 && !begun.HasBeenNotified()) begun.Notify();
                                 })
                  .status();
    if (!begun.HasBeenNotified()) begun.Notify();  // it has failed
  });
  begun.WaitForNotification();
  (*server)->Stop();
  watcher.join();
  EXPECT_EQ(watched.code(), absl::StatusCode::kUnavailable) << watched;
  EXPECT_EQ(ErrorReasonOf(watched), "SHUTTING_DOWN");

  server = Server::Start(config);
  ASSERT_THAT(server, IsOk());
  options.target = absl::StrCat("127.0.0.1:", (*server)->grpc_port());
  ModelClient again(options);
  const auto active = [&] { return again.ListModels({})->models(0); };
  EXPECT_NE(active().model().digest(), other) << "it was over before the end";
  while (active().model().digest() != other) absl::SleepFor(absl::Milliseconds(20));
}

// Whatever the step at which a start fails, the next one finds everything free: gallery, folders and ports.
TEST_F(ServerTest, WhatAFailedStartHasBuiltIsGone) {
  auto other = Server::Start(Config({"--gallery=sqlite:" + UniquePath("other.db")}));
  ASSERT_THAT(other, IsOk());
  const std::string grpc_taken = absl::StrCat("--address=127.0.0.1:", (*other)->grpc_port());
  const std::string metrics_taken = absl::StrCat("--metrics-address=127.0.0.1:", (*other)->metrics_port());
  const std::string broken = UniquePath("broken.pt");
  WriteFile(broken, "no bundle");
  const auto message_of = [this](const std::vector<std::string>& flags) {
    return std::string(Server::Start(Config(flags)).status().message());
  };
  const auto fail_everywhere = [&] {
    EXPECT_THAT(message_of({metrics_taken}), HasSubstr("cannot serve metrics on"));
    EXPECT_THAT(message_of({"--model=" + broken}), HasSubstr("broken.pt"));
    EXPECT_THAT(message_of({"--model=" + ModelPath("face-finder.pt")}), HasSubstr("field kind is not embedding"));
    EXPECT_THAT(message_of({"--face-finder=" + broken}), HasSubstr("broken.pt"));
    EXPECT_THAT(message_of({"--trainings-folder=" + broken}), HasSubstr("trainings folder"));
    EXPECT_THAT(message_of({grpc_taken}), HasSubstr("cannot listen on"));
  };
  fail_everywhere();  // meanwhile the other server opens what it reads its gallery by
  const Held before;
  fail_everywhere();
  const Held after = AwaitNoMoreThan(before);
  EXPECT_LE(after.threads, before.threads);
  EXPECT_LE(after.files, before.files);
  EXPECT_THAT(Server::Start(Config()), IsOk());
}

}  // namespace
}  // namespace likeness
