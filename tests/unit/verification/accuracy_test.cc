#include "server/verification/accuracy.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::DoubleNear;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(EqualErrorRateTest, HasTheValueWorkedOutByHand) {
  struct Case {
    const char* name;
    PairDistances distances;
    double rate;
  };
  const Case cases[] = {
      {"separable", {{1, 2}, {3, 4}}, 0},
      {"all the wrong way round", {{3, 4}, {1, 2}}, 1},
      {"a threshold with both rates at 1/4", {{1, 2, 3, 6}, {4, 5, 7, 8}}, 0.25},
      // (FMR, FNMR) goes from (0, 1/2) at 1 to (1/4, 1/2) at 2 and (1/4, 0) at 3: it crosses on the vertical part.
      {"crossing between thresholds, genuine step", {{1, 3}, {2, 4, 5, 6}}, 0.25},
      // From (0, 1/4) at 3 to (1/2, 1/4) at 4: it crosses on the horizontal part.
      {"crossing between thresholds, impostor step", {{1, 2, 3, 6}, {4, 7}}, 0.25},
      // One segment from (0, 1) to (1, 0).
      {"all equal", {{1, 1, 1}, {1, 1}}, 0.5},
      // From (0, 1) at nothing to (1/3, 0) at 1: 1 − t = t / 3 at t = 3/4.
      {"a tie on a slanted segment", {{1}, {1, 2, 3}}, 0.25},
      {"failed genuine pairs count as refused", {{1, 2, 3, kInfinity}, {0.5, 4, 5, 6}}, 0.25},
      {"failed impostor pairs count as refused", {{1, 2, 3, 7}, {4, kInfinity, kInfinity, kInfinity}}, 0.25},
      // From (1/4, 1/2) at 3 straight to (1, 0): 1/4 + 3t/4 = 1/2 − t/2 at t = 1/5.
      {"beyond all finite thresholds", {{1, 2, kInfinity, kInfinity}, {3, kInfinity, kInfinity, kInfinity}}, 0.4},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::StatusOr<double> rate = EqualErrorRate(c.distances);
    ASSERT_TRUE(rate.ok()) << rate.status();
    EXPECT_THAT(*rate, DoubleNear(c.rate, 1e-12));
  }
}

TEST(AreaUnderRocTest, HasTheValueWorkedOutByHand) {
  EXPECT_EQ(AreaUnderRoc({{1, 2}, {3, 4}}).value(), 1);
  EXPECT_EQ(AreaUnderRoc({{3, 4}, {1, 2}}).value(), 0);
  EXPECT_EQ(AreaUnderRoc({{1, 3}, {2, 4}}).value(), 0.75);
  EXPECT_EQ(AreaUnderRoc({{1, 1, 1}, {1, 1}}).value(), 0.5);
  EXPECT_EQ(AreaUnderRoc({{1, kInfinity}, {2, kInfinity}}).value(), (1 + 1 + 0 + 0.5) / 4);
}

TEST(AreaUnderRocTest, EqualsTheShareOfOrderedPairsCountedOneByOne) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> value(0, 20);
  PairDistances distances;
  for (int i = 0; i < 60; ++i) distances.genuine.push_back(value(random));
  for (int i = 0; i < 90; ++i) distances.impostor.push_back(value(random) + 5);
  double nearer = 0;
  for (double genuine : distances.genuine) {
    for (double impostor : distances.impostor) nearer += genuine < impostor ? 1 : genuine == impostor ? 0.5 : 0;
  }
  EXPECT_THAT(AreaUnderRoc(distances).value(), DoubleNear(nearer / (60 * 90), 1e-12));
}

TEST(RatesAtFalseMatchRateTest, TakesTheLargestThresholdThatKeepsToTheTarget) {
  const PairDistances distances = {{1, 2, 3, 4}, {2.5, 5, 6, 7, 8, 9, 10, 11, 12, 13}};
  const absl::StatusOr<OperatingPointRates> rates = RatesAtFalseMatchRate(distances, 0.1);
  ASSERT_TRUE(rates.ok()) << rates.status();
  EXPECT_EQ(rates->distance, std::nextafter(5.0, 0.0));
  EXPECT_EQ(rates->false_match_rate, 0.1);
  EXPECT_EQ(rates->false_non_match_rate, 0);
  EXPECT_EQ(rates->genuine_pairs, 4);
  EXPECT_EQ(rates->impostor_pairs, 10);

  const absl::StatusOr<OperatingPointRates> none = RatesAtFalseMatchRate(distances, 0.09);
  EXPECT_EQ(none->distance, std::nextafter(2.5, 0.0));
  EXPECT_EQ(none->false_match_rate, 0);
  EXPECT_EQ(none->false_non_match_rate, 0.5);
}

TEST(RatesAtFalseMatchRateTest, RefusesAllEqualDistancesWhenOneWouldBeTooMany) {
  const absl::StatusOr<OperatingPointRates> rates = RatesAtFalseMatchRate({{1, 3}, {2, 2, 2, 2}}, 0.75);
  ASSERT_TRUE(rates.ok()) << rates.status();
  EXPECT_EQ(rates->distance, std::nextafter(2.0, 0.0));
  EXPECT_EQ(rates->false_match_rate, 0);
  EXPECT_EQ(rates->false_non_match_rate, 0.5);
}

TEST(RatesAtFalseMatchRateTest, CountsExactlyWhereTheProductIsRounded) {
  PairDistances distances = {{0}, {}};
  for (int i = 1; i <= 100; ++i) distances.impostor.push_back(i);
  for (int percent = 1; percent < 100; ++percent) {
    const double target = percent / 100.0;  // 0.29 × 100 is 28.999…
    EXPECT_EQ(RatesAtFalseMatchRate(distances, target)->false_match_rate, target);
  }
}

TEST(RatesAtFalseMatchRateTest, StaysFiniteWhereEveryFiniteDistanceKeepsToTheTarget) {
  EXPECT_EQ(RatesAtFalseMatchRate({{1, 9}, {2, 3}}, 1)->distance, 9);
  const absl::StatusOr<OperatingPointRates> rates =
      RatesAtFalseMatchRate({{1, kInfinity}, {2, kInfinity, kInfinity, kInfinity}}, 0.25);
  EXPECT_EQ(rates->distance, 2);
  EXPECT_EQ(rates->false_match_rate, 0.25);
  EXPECT_EQ(rates->false_non_match_rate, 0.5);
  EXPECT_EQ(RatesAtFalseMatchRate({{kInfinity}, {kInfinity}}, 0.1).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(MeasureOperatingPointTest, MeasuresWhatEnoughPairsShow) {
  PairDistances distances = {{0.5, 1.5}, {}};
  for (int i = 0; i < 1000; ++i) distances.impostor.push_back(1 + i / 1000.0);
  const absl::StatusOr<OperatingPointRates> rates = MeasureOperatingPoint(distances, 0.001);
  ASSERT_TRUE(rates.ok()) << rates.status();
  EXPECT_EQ(rates->distance, std::nextafter(1.001, 0.0));
  EXPECT_EQ(rates->false_match_rate, 0.001);
  EXPECT_EQ(rates->false_non_match_rate, 0.5);
}

TEST(MeasureOperatingPointTest, RefusesATargetThatThePairsAreTooFewToShow) {
  PairDistances distances = {{0.5}, std::vector<double>(999, 1.0)};
  EXPECT_EQ(MeasureOperatingPoint(distances, 0.001).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MeasureOperatingPoint(distances, 0).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MeasureOperatingPointTest, RefusesAPointWhoseDistanceIsNotAboveZero) {
  EXPECT_EQ(MeasureOperatingPoint({{0.5}, {0, 0, 1, 2}}, 0.25).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RatesAtThresholdTest, VerifiesADistanceEqualToTheThreshold) {
  const absl::StatusOr<OperatingPointRates> rates = RatesAtThreshold({{1, 2, kInfinity}, {2, 3}}, 2);
  ASSERT_TRUE(rates.ok()) << rates.status();
  EXPECT_EQ(rates->false_match_rate, 0.5);
  EXPECT_THAT(rates->false_non_match_rate, DoubleNear(1.0 / 3, 1e-15));
}

TEST(AccuracyAtTest, CountsAFailedPairAsItsInfinitySays) {
  EXPECT_EQ(AccuracyAt({{1, true}, {2, true}, {2, false}, {3, false}}, 2)->accuracy, 0.75);
  EXPECT_EQ(AccuracyAt({{kInfinity, true}, {kInfinity, false}}, 1e300)->accuracy, 0.5);
  EXPECT_EQ(AccuracyAt({{kInfinity, true}, {-kInfinity, false}}, 1e300)->accuracy, 0);
  EXPECT_EQ(AccuracyAt({{1, true}}, kInfinity).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BestAccuracyTest, HasTheValueWorkedOutByHand) {
  struct Case {
    const char* name;
    std::vector<LabelledDistance> pairs;
    double threshold;
    double accuracy;
  };
  const Case cases[] = {
      {"middle of the gap", {{1, true}, {2, true}, {4, false}, {5, false}}, 3, 1},
      {"lowest of equally good ranges", {{1, true}, {2, false}, {3, true}, {4, false}}, 1.5, 0.75},
      {"ties stay together", {{1, true}, {1, false}, {1, true}, {2, false}}, 1.5, 0.75},
      {"only genuine pairs", {{1, true}, {2, true}}, 2, 1},
      {"only impostor pairs", {{1, false}, {2, false}}, std::nextafter(1.0, 0.0), 1},
      {"failed pairs that count as wrong", {{1, true}, {kInfinity, true}, {3, false}, {-kInfinity, false}}, 2, 0.5},
      {"failed pairs that count as refused", {{1, true}, {kInfinity, true}, {kInfinity, false}}, 1, 2.0 / 3},
      {"no finite distance", {{kInfinity, true}, {kInfinity, false}, {-kInfinity, false}}, 0, 1.0 / 3},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::StatusOr<ThresholdAccuracy> best = BestAccuracy(c.pairs);
    ASSERT_TRUE(best.ok()) << best.status();
    EXPECT_EQ(best->threshold, c.threshold);
    EXPECT_THAT(best->accuracy, DoubleNear(c.accuracy, 1e-15));
    EXPECT_EQ(AccuracyAt(c.pairs, best->threshold)->accuracy, best->accuracy);
  }
}

TEST(BestAccuracyTest, IsNotBeatenByAnyThresholdOnRandomPairs) {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> value(0, 30);
  for (int round = 0; round < 50; ++round) {
    std::vector<LabelledDistance> pairs;
    for (int i = 0; i < 40; ++i) pairs.push_back({value(random) + (i % 2) * 5.0, i % 2 == 0});
    const ThresholdAccuracy best = BestAccuracy(pairs).value();
    EXPECT_EQ(AccuracyAt(pairs, best.threshold)->accuracy, best.accuracy);
    for (double threshold = -0.5; threshold < 37; threshold += 0.5) {
      EXPECT_LE(AccuracyAt(pairs, threshold)->accuracy, best.accuracy);
    }
  }
}

TEST(BestAccuracyTest, SeparatesNeighbouringDoubles) {
  const double next = std::nextafter(1.0, 2.0);
  EXPECT_EQ(BestAccuracy({{1, true}, {next, false}})->threshold, 1);
}

TEST(CrossValidateAccuracyTest, ChoosesEachThresholdOnTheOtherFolds) {
  const std::vector<std::vector<LabelledDistance>> folds = {
      {{1, true}, {3, false}},
      {{6, true}, {8, false}},
      {{6, true}, {10, false}},
  };
  const absl::StatusOr<CrossValidatedAccuracy> result = CrossValidateAccuracy(folds);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->folds.size(), 3u);
  EXPECT_EQ(result->folds[0].threshold, 7);  // both pairs of the fold are verified
  EXPECT_EQ(result->folds[0].accuracy, 0.5);
  EXPECT_EQ(result->folds[1].threshold, 2);  // 2 and 8 decide the other folds equally well; both pairs are refused
  EXPECT_EQ(result->folds[1].accuracy, 0.5);
  EXPECT_EQ(result->folds[2].threshold, 2);  // likewise 2 and 7
  EXPECT_EQ(result->folds[2].accuracy, 0.5);
  EXPECT_EQ(result->mean, 0.5);
  EXPECT_EQ(result->standard_error, 0);
}

TEST(CrossValidateAccuracyTest, GivesTheStandardErrorOfTheMean) {
  // The folds' accuracies are 1 and 1/2, so the sample standard deviation is √(2/16) and the error that by √2, 1/4.
  const std::vector<std::vector<LabelledDistance>> folds = {
      {{1, true}, {2, false}},
      {{1, true}, {2, false}, {1.2, false}, {1.8, true}},
  };
  const absl::StatusOr<CrossValidatedAccuracy> result = CrossValidateAccuracy(folds);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->folds[1].threshold, 1.5);
  EXPECT_EQ(result->folds[1].accuracy, 0.5);
  EXPECT_EQ(result->folds[0].accuracy, 1);
  EXPECT_EQ(result->mean, 0.75);
  EXPECT_DOUBLE_EQ(result->standard_error, 0.25);
}

TEST(AccuracyTest, RefusesEmptySetsAndNotANumber) {
  const absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
  for (const PairDistances& distances : {PairDistances{{}, {1}}, {{1}, {}}, {{kNan}, {1}}, {{1}, {1, kNan}}}) {
    EXPECT_EQ(EqualErrorRate(distances).status().code(), kInvalid);
    EXPECT_EQ(AreaUnderRoc(distances).status().code(), kInvalid);
    EXPECT_EQ(RatesAtThreshold(distances, 1).status().code(), kInvalid);
    EXPECT_EQ(RatesAtFalseMatchRate(distances, 0.1).status().code(), kInvalid);
    EXPECT_EQ(MeasureOperatingPoint(distances, 0.1).status().code(), kInvalid);
  }
  for (double target : {-0.1, 1.1, kNan}) {
    EXPECT_EQ(RatesAtFalseMatchRate({{1}, {2}}, target).status().code(), kInvalid);
  }
  EXPECT_EQ(AccuracyAt({}, 1).status().code(), kInvalid);
  EXPECT_EQ(BestAccuracy({}).status().code(), kInvalid);
  EXPECT_EQ(AccuracyAt({{kNan, true}}, 1).status().code(), kInvalid);
  EXPECT_EQ(BestAccuracy({{kNan, true}}).status().code(), kInvalid);
  const std::vector<LabelledDistance> fold = {{1, true}, {2, false}};
  EXPECT_EQ(CrossValidateAccuracy({fold}).status().code(), kInvalid);
  EXPECT_EQ(CrossValidateAccuracy({fold, {}}).status().code(), kInvalid);
}

TEST(AccuracyTest, MeasuresMoreThanAMillionPairs) {
  std::mt19937 random(3);
  std::normal_distribution<double> genuine(0.7, 0.1);
  std::normal_distribution<double> impostor(1.3, 0.1);
  PairDistances distances;
  for (int i = 0; i < 100'000; ++i) distances.genuine.push_back(genuine(random));
  for (int i = 0; i < 1'200'000; ++i) distances.impostor.push_back(impostor(random));
  // Two normal distributions of equal width d apart cross at Φ(−d / 2σ) = Φ(−3) = 0.00135, and AUC = Φ(d / σ√2).
  EXPECT_THAT(EqualErrorRate(distances).value(), DoubleNear(0.00135, 0.0003));
  EXPECT_THAT(AreaUnderRoc(distances).value(), DoubleNear(0.99999, 0.00001));
  // Φ⁻¹(0.001) = −3.0902.
  EXPECT_THAT(MeasureOperatingPoint(distances, 0.001)->distance, DoubleNear(1.3 - 0.30902, 0.002));
}

}  // namespace
}  // namespace likeness
