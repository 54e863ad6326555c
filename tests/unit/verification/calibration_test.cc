#include "server/verification/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Two normal distributions of equal width, whose true LLR is a straight line: 35 − 32 × distance.
PairDistances TwoNormals(uint32_t seed, int genuine, int impostor) {
  std::mt19937 random(seed);
  std::normal_distribution<double> near(0.84375, 0.125);
  std::normal_distribution<double> far(1.34375, 0.125);
  PairDistances distances;
  for (int i = 0; i < genuine; ++i) distances.genuine.push_back(near(random));
  for (int i = 0; i < impostor; ++i) distances.impostor.push_back(far(random));
  return distances;
}

TEST(CalibrationTest, FindsTheLineBehindTwoNormalDistributions) {
  const absl::StatusOr<Calibration> fit = FitCalibration(TwoNormals(1, 20000, 100000));
  ASSERT_THAT(fit, IsOk());
  EXPECT_NEAR(fit->slope, -32, 1);
  EXPECT_NEAR(fit->offset, 35, 1.2);
  EXPECT_EQ(fit->genuine_pairs, 20000);
  EXPECT_EQ(fit->impostor_pairs, 100000);
}

TEST(CalibrationTest, DoesNotCountHowManyPairsOfAKindThereAre) {
  PairDistances distances = TwoNormals(2, 2000, 2000);
  const absl::StatusOr<Calibration> once = FitCalibration(distances);
  const std::vector<double> impostor = distances.impostor;
  for (int i = 0; i < 9; ++i) distances.impostor.insert(distances.impostor.end(), impostor.begin(), impostor.end());
  const absl::StatusOr<Calibration> tenfold = FitCalibration(distances);
  ASSERT_THAT(once, IsOk());
  ASSERT_THAT(tenfold, IsOk());
  EXPECT_NEAR(once->slope, tenfold->slope, 1e-6);
  EXPECT_NEAR(once->offset, tenfold->offset, 1e-6);
}

TEST(CalibrationTest, NeverClaimsMoreThanTheMeasuredPairsSupport) {
  Calibration calibration;
  calibration.offset = 50;
  calibration.slope = -50;
  calibration.genuine_pairs = 99;
  calibration.impostor_pairs = 999;
  EXPECT_DOUBLE_EQ(LogLikelihoodRatio(calibration, 0), std::log(1000));
  EXPECT_DOUBLE_EQ(LogLikelihoodRatio(calibration, 2), -std::log(100));
  EXPECT_DOUBLE_EQ(LogLikelihoodRatio(calibration, 1.02), -1);
}

TEST(CalibrationTest, TurnsARatioAndAPriorIntoAProbability) {
  EXPECT_DOUBLE_EQ(ProbabilityOfSamePerson(0, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(ProbabilityOfSamePerson(std::log(9), 0.5), 0.9);
  EXPECT_DOUBLE_EQ(ProbabilityOfSamePerson(std::log(9), 0.1), 0.5);
}

TEST(CalibrationTest, RefusesWhatItCannotCalibrate) {
  using Code = absl::StatusCode;
  EXPECT_EQ(FitCalibration({{0.1, 0.2}, {0.3, 0.4}}).status().code(), Code::kFailedPrecondition) << "no overlap";
  EXPECT_EQ(FitCalibration({{1.1, 1.2, 0.3}, {0.25, 0.4, 0.5}}).status().code(), Code::kFailedPrecondition)
      << "the wrong way round";
  EXPECT_EQ(FitCalibration({{kInfinity}, {1}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FitCalibration({{1}, {}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FitCalibration({{1, kNan}, {0.5}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FitCalibration({{1}, {-kInfinity}}).status().code(), Code::kInvalidArgument);
}

TEST(CllrTest, IsOneForAStatementThatSaysNothing) {
  Calibration nothing;
  nothing.slope = -1e-12;
  nothing.genuine_pairs = nothing.impostor_pairs = 10;
  EXPECT_NEAR(*Cllr(nothing, {{0.5, 0.7}, {0.6, 0.9}}), 1, 1e-9);
}

TEST(CllrTest, OfAGoodCalibrationIsHardlyAboveItsMinimum) {
  const absl::StatusOr<Calibration> fit = FitCalibration(TwoNormals(3, 4000, 40000));
  const PairDistances others = TwoNormals(4, 4000, 40000);
  ASSERT_THAT(fit, IsOk());
  EXPECT_LE(*MinCllr(others), *Cllr(*fit, others));
  EXPECT_LE(*Cllr(*fit, others), *MinCllr(others) + 0.01);
  Calibration overconfident = *fit;
  overconfident.slope *= 3;
  EXPECT_GT(*Cllr(overconfident, others), *MinCllr(others) + 0.1);
}

TEST(MinCllrTest, IsZeroWhereOneDistancePartsTheKindsAndOneWhereNothingDoes) {
  EXPECT_DOUBLE_EQ(*MinCllr({{0.1, 0.2}, {0.3, 0.4}}), 0);
  EXPECT_DOUBLE_EQ(*MinCllr({{0.5, 0.5}, {0.5}}), 1);
  EXPECT_DOUBLE_EQ(*MinCllr({{0.9}, {0.3, 0.4}}), 1) << "the wrong way round says nothing either";
}

TEST(MinCllrTest, PoolsWhatIsOutOfOrder) {
  // By hand: {0.1 genuine} alone costs nothing, {0.2 impostor, 0.3 genuine} pool to a ratio of 1/2 : 1/2 = 1,
  // {0.4 impostor} costs nothing. One genuine of two and one impostor of two cost one bit each.
  EXPECT_DOUBLE_EQ(*MinCllr({{0.1, 0.3}, {0.2, 0.4}}), 0.5);
}

}  // namespace
}  // namespace likeness
