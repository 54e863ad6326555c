#include "server/embedding/batching_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "server/errors/errors.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Stands still until the test moves it.
class FakeBatchClock : public BatchClock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + absl::Nanoseconds(elapsed_.load()); }
  void Advance(absl::Duration duration) { elapsed_ += absl::ToInt64Nanoseconds(duration); }
  void AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) override {
    // Real time passes while it looks; how much makes no difference to what it decides.
    while (Now() < deadline && !mutex.AwaitWithTimeout(condition, absl::Milliseconds(1))) {
    }
  }

 private:
  std::atomic<int64_t> elapsed_{0};
};

Picture Plain(uint8_t red) {
  Picture picture{8, 8, {}};
  for (int pixel = 0; pixel < 64; ++pixel) picture.rgb.insert(picture.rgb.end(), {red, 0, 0});
  return picture;
}

// A network that remembers how many crops each of its runs had.
class CountingEmbedder : public FakeEmbedder {
 public:
  absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture> crops) const override {
    {
      absl::MutexLock lock(&mutex_);
      runs_.push_back(static_cast<int>(crops.size()));
    }
    return FakeEmbedder::Embed(crops);
  }
  std::vector<int> runs() const {
    absl::MutexLock lock(&mutex_);
    return runs_;
  }

 private:
  mutable absl::Mutex mutex_;
  mutable std::vector<int> runs_ ABSL_GUARDED_BY(mutex_);
};

class BatchingEmbedderTest : public testing::Test {
 protected:
  // Calls from as many threads; returns each one's embedding's first number, or its error's reason.
  std::vector<std::string> EmbedAtOnce(const BatchingEmbedder& embedder, const std::vector<uint8_t>& reds) {
    std::vector<std::string> answers(reds.size());
    std::vector<std::thread> callers;
    for (size_t i = 0; i < reds.size(); ++i) {
      callers.emplace_back([&, i] {
        const auto embeddings = embedder.Embed({Plain(reds[i])});
        answers[i] = embeddings.ok() ? std::to_string(std::lround(embeddings->front().values[0] * 255))
                                     : ReasonName(ReasonOf(embeddings.status()));
      });
    }
    for (std::thread& caller : callers) caller.join();
    return answers;
  }

  FakeBatchClock clock_;
  Metrics metrics_;
  CountingEmbedder network_;
};

TEST(BatchSizesTest, AreThePowersOfTwoAndTheLargestBatch) {
  EXPECT_THAT(BatchSizes(1), ElementsAre(1));
  EXPECT_THAT(BatchSizes(8), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(BatchSizes(12), ElementsAre(1, 2, 4, 8, 12));
}

TEST_F(BatchingEmbedderTest, RunsAFullBatchWithoutWaitingAndGivesEachCallerItsOwn) {
  BatchingEmbedder embedder(network_, {.max_batch = 4, .max_delay = absl::Hours(1)}, clock_, metrics_);
  EXPECT_THAT(EmbedAtOnce(embedder, {10, 20, 30, 40}), ElementsAre("10", "20", "30", "40"));
  EXPECT_THAT(network_.runs(), ElementsAre(4));
}

TEST_F(BatchingEmbedderTest, RunsWhatThereIsWhenTheFirstCropHasWaitedLongEnoughAndPadsIt) {
  BatchingEmbedder embedder(network_, {.max_batch = 8, .max_delay = absl::Milliseconds(5)}, clock_, metrics_);
  std::vector<Picture> crops = {Plain(1), Plain(2), Plain(3)};
  absl::StatusOr<std::vector<Embedding>> embeddings;
  std::thread caller([&] { embeddings = embedder.Embed(crops); });
  EXPECT_THAT(network_.runs(), ElementsAre());
  clock_.Advance(absl::Milliseconds(5));
  // The caller may have come only now, by the clock, so time goes on until its batch is due.
  std::atomic<bool> done{false};
  std::thread time([&] {
    while (!done) clock_.Advance(absl::Milliseconds(1));
  });
  caller.join();
  done = true;
  time.join();
  ASSERT_TRUE(embeddings.ok()) << embeddings.status();
  EXPECT_EQ(embeddings->size(), 3u);
  EXPECT_THAT(network_.runs(), ElementsAre(4));
}

TEST_F(BatchingEmbedderTest, WorkThatNobodyWaitsForLeavesTheQueueBeforeTheNetworkRuns) {
  BatchingEmbedder embedder(network_, {.max_batch = 2, .max_delay = absl::Hours(1)}, clock_, metrics_);
  absl::Status abandoned;
  std::thread gone([&] {
    abandoned = embedder.EmbedIfWanted({Plain(1)}, [] { return MakeError(Reason::CANCELLED, "gone"); }).status();
  });
  const auto kept = embedder.Embed({Plain(2)});
  gone.join();
  EXPECT_THAT(abandoned, FailsWith(Reason::CANCELLED));
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_THAT(network_.runs(), ElementsAre(1));
}

TEST_F(BatchingEmbedderTest, ABatchThatNobodyWaitsForRunsNoNetwork) {
  BatchingEmbedder embedder(network_, {.max_batch = 1, .max_delay = absl::Hours(1)}, clock_, metrics_);
  const auto status =
      embedder.EmbedIfWanted({Plain(1)}, [] { return MakeError(Reason::DEADLINE_EXCEEDED, "late"); }).status();
  EXPECT_THAT(status, FailsWith(Reason::DEADLINE_EXCEEDED));
  EXPECT_THAT(network_.runs(), ElementsAre());
}

TEST_F(BatchingEmbedderTest, AFailureOfTheNetworkReachesEveryCallerOfItsBatch) {
  network_.embed = [](const Picture&) -> absl::StatusOr<std::vector<float>> {
    return MakeError(Reason::NETWORK_FAILED, "out of memory");
  };
  BatchingEmbedder embedder(network_, {.max_batch = 2, .max_delay = absl::Hours(1)}, clock_, metrics_);
  EXPECT_THAT(EmbedAtOnce(embedder, {1, 2}), ElementsAre("NETWORK_FAILED", "NETWORK_FAILED"));
}

TEST_F(BatchingEmbedderTest, MoreCropsThanABatchHoldsAreSpreadOverSeveral) {
  BatchingEmbedder embedder(network_, {.max_batch = 2, .max_delay = absl::Hours(1)}, clock_, metrics_);
  std::vector<Picture> crops(4, Plain(9));
  ASSERT_TRUE(embedder.Embed(crops).ok());
  EXPECT_THAT(network_.runs(), ElementsAre(2, 2));
}

TEST_F(BatchingEmbedderTest, TwoRunnersHaveTwoBatchesInTheNetworkAtOnce) {
  absl::Barrier both_inside(2);  // each run waits for the other
  network_.embed = [&both_inside](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
    both_inside.Block();
    return MeanColour(crop);
  };
  BatchingEmbedder embedder(network_, {.max_batch = 1, .max_delay = absl::Hours(1), .runners = 2}, clock_, metrics_);
  EXPECT_THAT(EmbedAtOnce(embedder, {10, 20}), ElementsAre("10", "20"));
}

TEST_F(BatchingEmbedderTest, TwoRunnersFillABatchBeforeTheyBeginAnother) {
  BatchingEmbedder embedder(network_, {.max_batch = 4, .max_delay = absl::Hours(1), .runners = 2}, clock_, metrics_);
  EXPECT_THAT(EmbedAtOnce(embedder, {10, 20, 30, 40, 50, 60, 70, 80}),
              ElementsAre("10", "20", "30", "40", "50", "60", "70", "80"));
  EXPECT_THAT(network_.runs(), ElementsAre(4, 4));
}

TEST_F(BatchingEmbedderTest, WarmsUpEverySizeThatItPadsTo) {
  BatchingEmbedder embedder(network_, {.max_batch = 6, .max_delay = absl::Hours(1)}, clock_, metrics_);
  ASSERT_TRUE(embedder.WarmUp().ok());
  EXPECT_THAT(network_.runs(), ElementsAre(1, 2, 4, 6));
}

TEST_F(BatchingEmbedderTest, NoCropIsNoWork) {
  BatchingEmbedder embedder(network_, {.max_batch = 2, .max_delay = absl::Hours(1)}, clock_, metrics_);
  const auto embeddings = embedder.Embed({});
  ASSERT_TRUE(embeddings.ok());
  EXPECT_TRUE(embeddings->empty());
}

// It used to end the process, with every call that waited.
TEST_F(BatchingEmbedderTest, ANetworkThatThrowsFailsTheCallsOfItsBatchAlone) {
  std::atomic<bool> throws = true;
  network_.embed = [&](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
    if (throws) throw std::runtime_error("a fault");
    return MeanColour(crop);
  };
  BatchingEmbedder embedder(network_, {.max_batch = 2, .max_delay = absl::Hours(1)}, clock_, metrics_);
  EXPECT_THAT(EmbedAtOnce(embedder, {10, 20}), ElementsAre("INTERNAL", "INTERNAL"));
  throws = false;
  EXPECT_THAT(EmbedAtOnce(embedder, {30, 40}), ElementsAre("30", "40"));
}

}  // namespace
}  // namespace likeness
