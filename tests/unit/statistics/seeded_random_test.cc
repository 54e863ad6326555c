#include "server/statistics/seeded_random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace likeness {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;
using testing::UnorderedElementsAre;

std::vector<size_t> TenBelow(size_t bound, SeededRandom random) {
  std::vector<size_t> drawn;
  for (int i = 0; i < 10; ++i) drawn.push_back(random.Below(bound));
  return drawn;
}

TEST(SeededRandomTest, RepeatsItselfForTheSameSeedPurposeAndNumber) {
  EXPECT_EQ(TenBelow(1000, {7, RandomPurpose::kPairs, 3}), TenBelow(1000, {7, RandomPurpose::kPairs, 3}));
}

TEST(SeededRandomTest, DiffersInSeedPurposeAndNumber) {
  const std::vector<size_t> drawn = TenBelow(1000, {7, RandomPurpose::kPairs, 3});
  EXPECT_NE(TenBelow(1000, {8, RandomPurpose::kPairs, 3}), drawn);
  EXPECT_NE(TenBelow(1000, {7 + (uint64_t{1} << 32), RandomPurpose::kPairs, 3}), drawn);
  EXPECT_NE(TenBelow(1000, {7, RandomPurpose::kMirroring, 3}), drawn);
  EXPECT_NE(TenBelow(1000, {7, RandomPurpose::kPairs, 4}), drawn);
}

// A training that goes on after an update of the server must draw what it would have drawn before.
TEST(SeededRandomTest, DrawsTheseNumbersForGood) {
  EXPECT_THAT(TenBelow(1000, {1, RandomPurpose::kPairs, 0}),
              ElementsAre(925, 158, 808, 702, 867, 598, 301, 128, 184, 824));
}

TEST(SeededRandomTest, DrawsAllNumbersBelowItsBoundAlike) {
  SeededRandom random(1, RandomPurpose::kPairs);
  std::vector<int> counts(3);
  for (int i = 0; i < 3000; ++i) ++counts[random.Below(3)];
  EXPECT_THAT(counts, Each(AllOf(Ge(900), Le(1100))));
}

TEST(SeededRandomTest, ShufflesWithoutLosingAnything) {
  std::vector<int> elements = {1, 2, 3, 4, 5};
  SeededRandom(1, RandomPurpose::kPairs).Shuffle(elements);
  EXPECT_THAT(elements, UnorderedElementsAre(1, 2, 3, 4, 5));
}

}  // namespace
}  // namespace likeness
