#include "server/statistics/differential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace likeness {
namespace {

using testing::IsEmpty;

TEST(DifferentialTest, HoldsTheLargestRateAgainstTheOthers) {
  struct Case {
    std::string what;
    std::vector<FalseMatches> groups;
    size_t worst, best;
    double to_geometric_mean, to_smallest;
    bool at_least;
    std::vector<size_t> left_out;
  };
  const Case cases[] = {
      {"two rates", {{10, 1000}, {40, 1000}}, 1, 0, 2, 4, false, {}},
      {"three rates", {{10, 1000}, {40, 1000}, {20, 1000}}, 1, 0, 2, 4, false, {}},
      {"equal rates", {{7, 1000}, {14, 2000}}, 0, 0, 1, 1, false, {}},
      {"pairs do not weigh", {{100, 10000}, {4, 100}}, 1, 0, 2, 4, false, {}},
      {"none of many pairs", {{10, 1000}, {0, 2995.9}}, 0, 1, std::sqrt(10), 10, true, {}},
      {"none of few pairs", {{10, 1000}, {40, 1000}, {0, 50}}, 1, 0, 2, 4, false, {2}},
      {"no pairs", {{0, 0}, {10, 1000}, {40, 1000}}, 2, 1, 2, 4, false, {0}},
  };
  for (const Case& expected : cases) {
    const auto measured = MeasureDifferential(expected.groups);
    ASSERT_TRUE(measured.has_value()) << expected.what;
    EXPECT_EQ(measured->worst, expected.worst) << expected.what;
    EXPECT_EQ(measured->best, expected.best) << expected.what;
    EXPECT_NEAR(measured->to_geometric_mean, expected.to_geometric_mean, 2e-3) << expected.what;
    EXPECT_NEAR(measured->to_smallest, expected.to_smallest, 1e-2) << expected.what;
    EXPECT_EQ(measured->at_least, expected.at_least) << expected.what;
    EXPECT_EQ(measured->left_out, expected.left_out) << expected.what;
  }
}

TEST(DifferentialTest, IsNothingWhereNoTwoRatesCanBeHeldAgainstEachOther) {
  EXPECT_FALSE(MeasureDifferential({}).has_value());
  EXPECT_FALSE(MeasureDifferential({{1, 10}}).has_value());
  EXPECT_FALSE(MeasureDifferential({{0, 1000}, {0, 1000}}).has_value());
  EXPECT_FALSE(MeasureDifferential({{1, 1000}, {0, 10}}).has_value());
}

TEST(DifferentialTest, BoundsARateWithoutAMatchByTheRuleOfThree) {
  EXPECT_NEAR(UpperBoundWithoutMatch(1000), 0.003, 1e-5);
  EXPECT_DOUBLE_EQ(UpperBoundWithoutMatch(1), 0.95);
  EXPECT_EQ(UpperBoundWithoutMatch(0), 1);
}

// 30 people with an impostor pair of each two; the first `matching` people lie near everybody.
PeoplePairs MakePairs(uint32_t matching) {
  PeoplePairs pairs{.pairs = {}, .people = 30};
  for (uint32_t a = 0; a < 30; ++a) {
    pairs.pairs.push_back({0.5, a, a});
    for (uint32_t b = a + 1; b < 30; ++b) pairs.pairs.push_back({a < matching ? 0.9 : 1.3, a, b});
  }
  return pairs;
}

TEST(DifferentialTest, CountsImpostorPairsThatHaveADistance) {
  PeoplePairs pairs = MakePairs(2);
  pairs.pairs.push_back({-std::numeric_limits<double>::infinity(), 0, 1});
  const GroupMatches matches = CountFalseMatches(pairs, 0.9, /*seed=*/0);
  EXPECT_EQ(matches.counted.matches, 29 + 28);
  EXPECT_EQ(matches.counted.impostor_pairs, 435);
  EXPECT_THAT(matches.resampled, testing::SizeIs(200));
}

TEST(DifferentialTest, HasIntervalsOverPeopleThatHoldTheRatios) {
  const auto figures =
      MeasureDifferentialFigures({CountFalseMatches(MakePairs(1), 1, 0), CountFalseMatches(MakePairs(6), 1, 0)});
  ASSERT_TRUE(figures.has_value());
  EXPECT_EQ(figures->measured.worst, 1u);
  EXPECT_THAT(figures->measured.left_out, IsEmpty());
  EXPECT_GT(figures->measured.to_smallest, 4);
  EXPECT_LT(figures->to_smallest.low, figures->measured.to_smallest);
  EXPECT_GT(figures->to_smallest.high, figures->measured.to_smallest);
  EXPECT_LT(figures->to_geometric_mean.low, figures->measured.to_geometric_mean);
  EXPECT_GT(figures->to_geometric_mean.high, figures->measured.to_geometric_mean);
}

// The same people drawn in both: what is the same in both groups stays so in each resample.
TEST(DifferentialTest, ResamplesPeopleOfSeveralGroupsTogether) {
  const auto figures =
      MeasureDifferentialFigures({CountFalseMatches(MakePairs(3), 1, 0), CountFalseMatches(MakePairs(3), 1, 0)});
  ASSERT_TRUE(figures.has_value());
  EXPECT_EQ(figures->to_smallest.low, 1);
  EXPECT_EQ(figures->to_smallest.high, 1);
}

}  // namespace
}  // namespace likeness
