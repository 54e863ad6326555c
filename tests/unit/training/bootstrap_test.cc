#include "server/training/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace likeness {
namespace {

using testing::DoubleEq;
using testing::Optional;

// Person 0 with two photos, person 1 with two, person 2 with one: 2 genuine and 8 impostor pairs.
SortedPeoplePairs ThreePeople() {
  return {.genuine = {{1.0, 0, 0}, {3.0, 1, 1}},
          .impostor = {{2.0, 0, 2}, {2.5, 0, 1}, {2.5, 0, 1}, {4, 0, 1}, {4, 0, 1}, {4, 0, 2}, {4, 1, 2}, {4, 1, 2}},
          .photos_of = {2, 2, 1}};
}

TEST(BootstrapTest, WeighsEveryPairOnceWhereEverybodyCountsOnce) {
  // One of eight impostor pairs may match at 0.2: the threshold lies below 2.5, the genuine pair at 3 is not matched.
  EXPECT_THAT(WeightedFalseNonMatchRate(ThreePeople(), {1, 1, 1}, 0.2), Optional(DoubleEq(0.5)));
  // None may at 0.1: it lies below 2. Seven may at 0.9, which is 4 as eight would be too many: below 4.
  EXPECT_THAT(WeightedFalseNonMatchRate(ThreePeople(), {1, 1, 1}, 0.1), Optional(DoubleEq(0.5)));
  EXPECT_THAT(WeightedFalseNonMatchRate(ThreePeople(), {1, 1, 1}, 0.9), Optional(DoubleEq(0)));
}

TEST(BootstrapTest, WeighsAGenuinePairByItsPerson) {
  // Person 1 counts three times: its pair is not matched, so 3 of 4.
  EXPECT_THAT(WeightedFalseNonMatchRate(ThreePeople(), {1, 3, 1}, 0.05), Optional(DoubleEq(0.75)));
}

TEST(BootstrapTest, WeighsAnImpostorPairByTheProductOfItsPeople) {
  // Without person 2 four impostor pairs are left, two of them at 2.5; at 0.5 both match, the threshold lies below 4.
  EXPECT_THAT(WeightedFalseNonMatchRate(ThreePeople(), {1, 1, 0}, 0.5), Optional(DoubleEq(0)));
  // Person 2 counts twice: the pair at 2 weighs 2 of 4 + 2 × 2 + 2 × 2 = 12, above 0.15 but not above 0.2.
  EXPECT_THAT(WeightedFalseNonMatchRate({.genuine = {{2.2, 0, 0}, {2.2, 1, 1}},
                                         .impostor = ThreePeople().impostor,
                                         .photos_of = ThreePeople().photos_of},
                                        {1, 1, 2}, 0.15),
              Optional(DoubleEq(1)));
  EXPECT_THAT(WeightedFalseNonMatchRate({.genuine = {{2.2, 0, 0}, {2.2, 1, 1}},
                                         .impostor = ThreePeople().impostor,
                                         .photos_of = ThreePeople().photos_of},
                                        {1, 1, 2}, 0.2),
              Optional(DoubleEq(0)));
}

TEST(BootstrapTest, HasNoRateWithoutGenuineOrImpostorPairs) {
  EXPECT_EQ(WeightedFalseNonMatchRate(ThreePeople(), {3, 0, 0}, 0.1), std::nullopt);
  EXPECT_EQ(WeightedFalseNonMatchRate(ThreePeople(), {0, 0, 3}, 0.1), std::nullopt);
}

TEST(BootstrapTest, SpansFromTheLuckyPeopleToTheUnlucky) {
  // Of ten people with one genuine pair each, the pairs of three lie beyond every impostor pair.
  SortedPeoplePairs pairs;
  for (uint32_t person = 0; person < 10; ++person) {
    pairs.genuine.push_back({person < 7 ? 1.0 : 3.0, person, person});
    for (uint32_t other = 0; other < person; ++other) {
      for (int i = 0; i < 4; ++i) pairs.impostor.push_back({2.0, other, person});
    }
    pairs.photos_of.push_back(2);
  }
  const std::optional<Interval> interval = BootstrapFalseNonMatchRate(pairs, 0.01, /*seed=*/1);
  ASSERT_TRUE(interval.has_value());
  // A binomial of ten at 0.3 lies between 0 or 1 and 6 in 95 % of cases.
  EXPECT_NEAR(interval->low, 0.05, 0.06);
  EXPECT_NEAR(interval->high, 0.6, 0.11);
}

}  // namespace
}  // namespace likeness
