// Trainings that throw, that end the process, and that are interrupted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "server/seal/verified_bundle.h"
#include "server/threads/guarded.h"
#include "server/trainings/training_jobs.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"

namespace likeness {
namespace {

using testing::HasSubstr;

// Answers for the active model, which is not looked at.
class NoEmbedder : public Embedder {
 public:
  const BundleManifest& manifest() const override { return manifest_; }
  const ModelDigest& digest() const override { return digest_; }
  absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture>) const override {
    return absl::UnimplementedError("");
  }

 private:
  const BundleManifest manifest_;
  const ModelDigest digest_ = {};
};

// Runs what the test says instead of a network.
class FakeWork : public TrainingWork {
 public:
  absl::StatusOr<BaseModel> FindBase(const std::string&) override {
    if (find_base) find_base();
    const std::string path = UniquePath("base.pt");
    WriteFile(path, SealedFile("base"));
    const VerifiedBundle bundle = *VerifiedBundle::Read(path);
    BundleManifest manifest;
    manifest.margin = 1;
    return BaseModel{bundle, bundle.digest(), "{}", manifest};
  }
  absl::StatusOr<Picture> Crop(const BundleManifest&, absl::string_view, StillWanted) override {
    if (crop) crop();
    return Picture{1, 1, {1, 2, 3}};
  }
  absl::StatusOr<int64_t> MeasureMemory(const BaseModel&, const v1::TrainingConfig&) override { return 0; }
  absl::Status Run(const BaseModel&, const std::string&, std::vector<TrainingFace>, v1::Training& record,
                   OnChange on_change) override {
    return run(record, on_change);
  }

  std::function<void()> find_base;
  std::function<void()> crop;
  std::function<absl::Status(v1::Training&, OnChange)> run = [](v1::Training&, OnChange) { return absl::OkStatus(); };
};

// Goes on until it is told to end.
absl::Status RunUntilInterrupted(v1::Training& record, OnChange on_change) {
  while (true) {
    if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
    std::this_thread::yield();
  }
}

class InterruptedTrainingsTest : public testing::Test {
 protected:
  // As after a start.
  void Open() {
    jobs_.reset();
    auto opened = TrainingJobs::Open(folder_, {.memory_room = [] { return std::nullopt; }}, work_, active_, metrics_);
    ASSERT_THAT(opened, IsOk());
    jobs_ = *std::move(opened);
  }

  absl::StatusOr<std::string> Begin() {
    v1::TrainingConfig config;
    config.set_base_model("base");
    config.set_method(v1::TRAINING_METHOD_CONTRASTIVE);
    config.set_held_out_share(0);
    auto upload = jobs_->Begin(config);
    if (!upload.ok()) return upload.status();
    for (const char* person : {"ada", "ada", "bob", "bob"}) {
      v1::LabelledPhoto photo;
      photo.set_person(person);
      if (absl::Status added = (*upload)->Add(photo, [] { return absl::OkStatus(); }); !added.ok()) return added;
    }
    return (*upload)->Finish();
  }

  v1::Training AwaitEnd(const std::string& id) {
    absl::StatusOr<TrainingSnapshot> now = jobs_->AwaitChange(id, 0, absl::InfiniteDuration());
    while (now.ok() && !TrainingJobs::HasEnded(now->training)) {
      now = jobs_->AwaitChange(id, now->changes, absl::InfiniteDuration());
    }
    EXPECT_THAT(now, IsOk());
    return now.ok() ? now->training : v1::Training();
  }

  // A process that opens the folder, begins a training if there is none, and is killed by it.
  void DieOfTheTraining(bool begin) {
    const pid_t child = fork();
    if (child == 0) {
      work_.run = [](v1::Training&, OnChange) {
        raise(SIGKILL);
        return absl::OkStatus();
      };
      Open();
      if (begin) Begin().IgnoreError();
      while (true) pause();
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
  }

  const std::string folder_ = UniquePath("trainings");
  Metrics metrics_;
  FakeWork work_;
  ActiveGeneration active_{Generation{std::make_shared<NoEmbedder>(), std::nullopt}};
  std::unique_ptr<TrainingJobs> jobs_;
};

// It used to end the process, and to be gone on with at the next start.
TEST_F(InterruptedTrainingsTest, ATrainingThatThrowsHasFailedAndSaysWhy) {
  const int64_t failures = ThreadFailures(ThreadKind::kTraining);
  work_.run = [](v1::Training&, OnChange) -> absl::Status { throw std::runtime_error("a tensor too large"); };
  Open();
  const auto id = Begin();
  ASSERT_THAT(id, IsOk());
  const v1::Training ended = AwaitEnd(*id);
  EXPECT_EQ(ended.state(), v1::TRAINING_STATE_FAILED);
  EXPECT_EQ(ended.failure().reason(), "INTERNAL");
  EXPECT_THAT(ended.failure().message(), HasSubstr("a tensor too large"));
  EXPECT_EQ(ThreadFailures(ThreadKind::kTraining), failures + 1);
  Open();
  EXPECT_EQ(jobs_->Get(*id)->state(), v1::TRAINING_STATE_FAILED);

  work_.run = [](v1::Training&, OnChange) { return absl::OkStatus(); };
  const auto next = Begin();
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(AwaitEnd(*next).state(), v1::TRAINING_STATE_SUCCEEDED);
}

TEST_F(InterruptedTrainingsTest, APhotoThatThrowsIsAnErrorOfItsUpload) {
  work_.crop = [] { throw std::runtime_error("a fault"); };
  Open();
  EXPECT_THAT(Begin().status(), FailsWith(Reason::INTERNAL));
  work_.crop = nullptr;
  work_.find_base = [] { throw std::runtime_error("a fault"); };
  EXPECT_THAT(Begin().status(), FailsWith(Reason::INTERNAL));
}

TEST_F(InterruptedTrainingsTest, ATrainingThatEndedTheProcessTwiceIsNotTriedAgain) {
  DieOfTheTraining(/*begin=*/true);
  DieOfTheTraining(/*begin=*/false);
  std::atomic<int> runs = 0;
  work_.run = [&](v1::Training&, OnChange) {
    ++runs;
    return absl::OkStatus();
  };
  Open();
  const std::vector<v1::Training> all = jobs_->List();
  ASSERT_EQ(all.size(), 1);
  const v1::Training ended = AwaitEnd(all[0].training_id());
  EXPECT_EQ(ended.state(), v1::TRAINING_STATE_FAILED);
  EXPECT_EQ(ended.failure().reason(), "INTERNAL");
  EXPECT_THAT(ended.failure().message(), HasSubstr("ended 2 times without notice while this training ran"));
  EXPECT_EQ(runs, 0);
}

TEST_F(InterruptedTrainingsTest, ATrainingThatEndedTheProcessOnceIsGoneOnWith) {
  DieOfTheTraining(/*begin=*/true);
  Open();
  const std::vector<v1::Training> all = jobs_->List();
  ASSERT_EQ(all.size(), 1);
  EXPECT_EQ(AwaitEnd(all[0].training_id()).state(), v1::TRAINING_STATE_SUCCEEDED);
}

TEST_F(InterruptedTrainingsTest, AnEndInGoodOrderIsNoCrash) {
  work_.run = [&](v1::Training& record, OnChange on_change) { return RunUntilInterrupted(record, on_change); };
  Open();
  const auto id = Begin();
  ASSERT_THAT(id, IsOk());
  for (int start = 0; start < 5; ++start) {
    // Runs: a change beyond the first of them is its own.
    int64_t seen = 0;
    for (int change = 0; change < 3; ++change) {
      const auto now = jobs_->AwaitChange(*id, seen, absl::InfiniteDuration());
      ASSERT_THAT(now, IsOk());
      ASSERT_FALSE(TrainingJobs::HasEnded(now->training)) << now->training.failure().message();
      seen = now->changes;
    }
    Open();
  }
  jobs_.reset();
  work_.run = [](v1::Training&, OnChange) { return absl::OkStatus(); };
  Open();
  EXPECT_EQ(AwaitEnd(*id).state(), v1::TRAINING_STATE_SUCCEEDED);
}

TEST_F(InterruptedTrainingsTest, WhoWaitsForATrainingIsToldThatTheServerEnds) {
  absl::Notification ends;
  work_.run = [&](v1::Training&, OnChange) {
    ends.WaitForNotification();
    return MakeError(Reason::SHUTTING_DOWN, "");
  };
  Open();
  const auto id = Begin();
  ASSERT_THAT(id, IsOk());
  absl::Status told;
  std::thread waits([&] {
    int64_t seen = 0;
    while (told.ok()) {
      const auto now = jobs_->AwaitChange(*id, seen, absl::InfiniteDuration());
      told = now.status();
      if (now.ok()) seen = now->changes;
    }
  });
  jobs_->Stop();
  waits.join();
  EXPECT_THAT(told, FailsWith(Reason::SHUTTING_DOWN));
  EXPECT_THAT(Begin().status(), FailsWith(Reason::SHUTTING_DOWN));
  ends.Notify();
}

}  // namespace
}  // namespace likeness
