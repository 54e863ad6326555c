#include "server/statistics/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// People on a line, with photos around them: distances as of a poor network.
PeoplePairs MadeUp(uint32_t people, int photos, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> place(0, 4);
  std::normal_distribution<double> scatter(0, 1);
  std::vector<double> at;
  std::vector<uint32_t> person_of;
  for (uint32_t person = 0; person < people; ++person) {
    const double centre = place(random);
    for (int photo = 0; photo < photos; ++photo) {
      at.push_back(centre + scatter(random));
      person_of.push_back(person);
    }
  }
  PeoplePairs pairs = AllPairs(person_of, people);
  auto pair = pairs.pairs.begin();
  for (size_t a = 0; a < at.size(); ++a) {
    for (size_t b = a + 1; b < at.size(); ++b, ++pair) pair->distance = std::abs(at[a] - at[b]);
  }
  return pairs;
}

TEST(FiguresTest, AreThoseOfTheDistancesWithAnIntervalAroundThem) {
  const PeoplePairs pairs = MadeUp(/*people=*/40, /*photos=*/4, /*seed=*/1);
  const PairDistances distances = SortedDistances(pairs);
  const absl::StatusOr<Figures> figures = MeasureFigures(pairs, {.targets = {0.1, 0.01}, .thresholds = {1.5}});
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->genuine_pairs, 40 * 6);
  EXPECT_EQ(figures->impostor_pairs, 780 * 16);
  EXPECT_EQ(figures->people, 40);
  EXPECT_EQ(figures->equal_error_rate->value, *EqualErrorRate(distances));
  EXPECT_EQ(figures->area_under_roc->value, *AreaUnderRoc(distances));
  EXPECT_EQ(figures->min_cllr->value, *MinCllr(distances));
  ASSERT_THAT(figures->targets, SizeIs(2));
  EXPECT_EQ(figures->targets[1].target, 0.01);
  EXPECT_LE(figures->targets[1].rates.false_match_rate, 0.01);
  ASSERT_THAT(figures->thresholds, SizeIs(1));
  EXPECT_EQ(figures->thresholds[0].false_match_rate.value, RatesAtThreshold(distances, 1.5)->false_match_rate);
  for (const Figure& figure : {*figures->equal_error_rate, *figures->area_under_roc, *figures->min_cllr,
                               figures->thresholds[0].false_match_rate, figures->thresholds[0].accuracy}) {
    EXPECT_LT(figure.interval.low, figure.value);
    EXPECT_LT(figure.value, figure.interval.high);
    EXPECT_LT(figure.interval.high - figure.interval.low, 0.5);
  }
}

// What a 95 % confidence interval is for: other people drawn from the same crowd mostly lie in it. With 16 of 20 crowds
// and the intervals of 20 this fails by chance less than once in a thousand changes of the seed.
TEST(FiguresTest, IntervalsHoldTheRateOfTheWholeCrowd) {
  const absl::StatusOr<Figures> crowd = MeasureFigures(MadeUp(1000, 3, /*seed=*/99), {.thresholds = {1.5}});
  ASSERT_THAT(crowd, IsOk());
  const double truth = crowd->thresholds[0].false_match_rate.value;
  int hits = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const absl::StatusOr<Figures> sample = MeasureFigures(MadeUp(60, 3, seed), {.thresholds = {1.5}});
    const Interval& interval = sample->thresholds[0].false_match_rate.interval;
    hits += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  EXPECT_GE(hits, 16);
}

TEST(FiguresTest, CountFailedPairsAsErrorsAndDropNone) {
  const PeoplePairs pairs{.pairs = {{0.5, 0, 0}, {kInfinity, 1, 1}, {1.5, 0, 1}, {-kInfinity, 0, 1}}, .people = 2};
  const absl::StatusOr<Figures> figures = MeasureFigures(pairs, {.thresholds = {1}});
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->genuine_pairs, 2);
  EXPECT_EQ(figures->failed_genuine_pairs, 1);
  EXPECT_EQ(figures->impostor_pairs, 1);
  EXPECT_EQ(figures->failed_impostor_pairs, 1);
  EXPECT_EQ(figures->thresholds[0].false_non_match_rate.value, 0.5);
  EXPECT_EQ(figures->thresholds[0].false_match_rate.value, 0);
  EXPECT_EQ(figures->thresholds[0].accuracy.value, 0.5) << "both failed pairs count as wrong";
}

TEST(FiguresTest, LeaveOutWhatThePairsCannotShow) {
  const PeoplePairs pairs{.pairs = {{0.5, 0, 0}, {1.5, 0, 1}}, .people = 2};
  const absl::StatusOr<Figures> figures = MeasureFigures(pairs, {.targets = {0.01}});
  ASSERT_THAT(figures, IsOk());
  EXPECT_THAT(figures->targets, IsEmpty());
  EXPECT_FALSE(figures->cllr.has_value()) << "there is no calibration";
  const absl::StatusOr<Figures> only_genuine = MeasureFigures({.pairs = {{0.5, 0, 0}}, .people = 1}, {});
  ASSERT_THAT(only_genuine, IsOk());
  EXPECT_FALSE(only_genuine->equal_error_rate.has_value());
  EXPECT_THAT(MeasureFigures({}, {}), IsOk());
}

TEST(FiguresTest, HoldACalibrationAgainstTheBestOne) {
  const absl::StatusOr<Calibration> fit = FitCalibration(SortedDistances(MadeUp(200, 4, 5)));
  ASSERT_THAT(fit, IsOk());
  const absl::StatusOr<Figures> figures = MeasureFigures(MadeUp(200, 4, 6), {.calibration = *fit});
  ASSERT_THAT(figures, IsOk());
  EXPECT_LT(figures->min_cllr->value, figures->cllr->value);
  EXPECT_LT(figures->cllr->interval.low, figures->cllr->value);
  EXPECT_LT(figures->cllr->value, figures->cllr->interval.high);
}

TEST(FiguresTest, RefuseADistanceThatIsNotANumber) {
  EXPECT_EQ(MeasureFigures({.pairs = {{kNan, 0, 1}}, .people = 2}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace likeness
