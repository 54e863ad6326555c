#include "server/models/generation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/fake_embedder.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

Generation GenerationAt(double threshold) {
  return {std::make_shared<FakeEmbedder>(), Threshold{.distance = threshold, .point = {}}};
}

TEST(ActiveGenerationTest, GivesOutTheOneThatAnswers) {
  ActiveGeneration active(GenerationAt(1));
  const auto first = active.Get();
  ASSERT_THAT(active.Replace(GenerationAt(2), [] { return absl::OkStatus(); }), IsOk());
  EXPECT_EQ(first->threshold->distance, 1) << "a call keeps what it took";
  EXPECT_EQ(active.Get()->threshold->distance, 2);
}

TEST(ActiveGenerationTest, StaysAsItIsWhenTheLastStepFails) {
  ActiveGeneration active(GenerationAt(1));
  EXPECT_THAT(active.Replace(GenerationAt(2), [] { return MakeError(Reason::STORE_FAILED, "disk full"); }),
              FailsWith(Reason::STORE_FAILED));
  EXPECT_EQ(active.Get()->threshold->distance, 1);
}

TEST(ActiveGenerationTest, WritesNothingThatAnEarlierGenerationMade) {
  ActiveGeneration active(GenerationAt(1));
  const auto first = active.Get();
  bool written = false;
  EXPECT_TRUE(active.WriteIfActive(first, [&] { written = true; }));
  EXPECT_TRUE(written);
  ASSERT_THAT(active.Replace(GenerationAt(2), [] { return absl::OkStatus(); }), IsOk());
  written = false;
  EXPECT_FALSE(active.WriteIfActive(first, [&] { written = true; }));
  EXPECT_FALSE(written);
}

TEST(ActiveGenerationTest, NobodyWritesDuringTheLastStep) {
  ActiveGeneration active(GenerationAt(1));
  std::atomic<bool> in_last_step = false;
  std::atomic<bool> stop = false;
  std::atomic<int> overlaps = 0;
  std::thread writer([&] {
    while (!stop) {
      active.WriteIfActive(active.Get(), [&] { overlaps += in_last_step; });
    }
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(active.Replace(GenerationAt(i),
                               [&] {
                                 in_last_step = true;
                                 std::this_thread::yield();
                                 in_last_step = false;
                                 return absl::OkStatus();
                               }),
                IsOk());
  }
  stop = true;
  writer.join();
  EXPECT_EQ(overlaps, 0);
}

}  // namespace
}  // namespace likeness
