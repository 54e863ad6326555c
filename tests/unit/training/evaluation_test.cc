#include "server/training/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "server/verification/distance.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

const EvaluationOptions kOptions = {.margin = 2, .target_false_match_rates = {0.01, 0.001}, .seed = 1};

// People on a circle of radius 3 with `photos` each, scattered by `spread`.
struct Strangers {
  Strangers(int count, int photos, double spread) {
    for (int person = 0; person < count; ++person) {
      for (int photo = 0; photo < photos; ++photo) {
        const double angle = 2 * M_PI * person / count;
        const double shift = spread * std::sin(5.0 * person + 7.0 * photo * photo);
        embeddings.push_back(
            {static_cast<float>(3 * std::cos(angle) + shift), static_cast<float>(3 * std::sin(angle))});
        people.push_back(person);
      }
    }
  }
  std::vector<std::vector<float>> embeddings;
  std::vector<int> people;
};

TEST(EvaluationTest, CountsAllPairs) {
  const Strangers strangers(/*count=*/5, /*photos=*/4, /*spread=*/0.1);
  const auto evaluation = Evaluate(strangers.embeddings, strangers.people, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->genuine_pairs, 5 * 6);
  EXPECT_EQ(evaluation->impostor_pairs, 10 * 16);
}

TEST(EvaluationTest, HoldsDistancesAgainstThePlacesOfTheFacesWhereTheModelHasACohort) {
  // Two people; a centroid lies where the first one's photos are.
  const std::vector<std::vector<float>> embeddings = {{1, 0}, {1, 0}, {0, 1}, {0, 1}};
  const std::vector<int> people = {1, 1, 2, 2};
  const absl::StatusOr<Cohort> cohort = Cohort::Create({1, 0}, 2, {.nearest = 1, .cap = 1});
  ASSERT_THAT(cohort, IsOk());
  EvaluationOptions options = kOptions;
  options.cohort = &*cohort;
  const auto evaluation = Evaluate(embeddings, people, options);
  ASSERT_THAT(evaluation, IsOk());
  // Crowding 0 and, capped, 1: the first one's genuine pair lies at 0 + 1, the other's at 0, in bins of 0.02.
  ASSERT_GT(evaluation->genuine_histogram.size(), 50u);
  EXPECT_EQ(evaluation->genuine_histogram[0], 1);
  EXPECT_EQ(evaluation->genuine_histogram[50], 1);
  EXPECT_EQ(Evaluate(embeddings, people, kOptions)->genuine_histogram[0], 2) << "without a cohort both lie at 0";
}

TEST(EvaluationTest, MakesNoErrorsWherePeopleLieApart) {
  const Strangers strangers(/*count=*/5, /*photos=*/4, /*spread=*/0.1);
  const auto evaluation = Evaluate(strangers.embeddings, strangers.people, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_THAT(evaluation->equal_error_rate, Optional(DoubleEq(0)));
  EXPECT_THAT(evaluation->area_under_roc, Optional(DoubleEq(1)));
  ASSERT_THAT(evaluation->rates, SizeIs(1));  // 160 impostor pairs cannot show a rate of 1e-3
  EXPECT_EQ(evaluation->rates[0].target, 0.01);
  EXPECT_EQ(evaluation->rates[0].rates.false_non_match_rate, 0);
  EXPECT_EQ(evaluation->rates[0].false_non_match_rate.high, 0);
}

TEST(EvaluationTest, PutsAnIntervalAroundAFalseNonMatchRate) {
  const Strangers strangers(/*count=*/20, /*photos=*/5, /*spread=*/1.5);
  const auto evaluation = Evaluate(strangers.embeddings, strangers.people, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  ASSERT_THAT(evaluation->rates, SizeIs(2));
  const TargetFigures& figures = evaluation->rates[0];
  EXPECT_LT(0, figures.false_non_match_rate.low);
  EXPECT_LT(figures.false_non_match_rate.low, figures.rates.false_non_match_rate);
  EXPECT_LT(figures.rates.false_non_match_rate, figures.false_non_match_rate.high);
  EXPECT_LE(figures.false_non_match_rate.high, 1);
}

TEST(EvaluationTest, MeasuresForTheBundleWhatThePairsSupport) {
  const Strangers strangers(/*count=*/20, /*photos=*/5, /*spread=*/1.5);
  EvaluationOptions options = kOptions;
  options.source = "people on a circle";
  const auto evaluation = Evaluate(strangers.embeddings, strangers.people, options);
  ASSERT_THAT(evaluation, IsOk());
  // 190 × 25 = 4,750 impostor pairs: ten false matches are expected at 0.0021.
  ASSERT_THAT(evaluation->measurements.operating_points, SizeIs(5));
  EXPECT_EQ(evaluation->measurements.operating_points[0].fmr, 0.005);
  EXPECT_EQ(evaluation->measurements.operating_points[0].people, 20);
  EXPECT_EQ(evaluation->measurements.operating_points[0].source, "people on a circle");
  ASSERT_TRUE(evaluation->measurements.calibration.has_value());
  EXPECT_EQ(evaluation->measurements.calibration->impostor_pairs, 4750);
}

TEST(EvaluationTest, HasNoCalibrationForPeopleWhoLieApart) {
  const Strangers strangers(/*count=*/5, /*photos=*/4, /*spread=*/0.1);
  const auto evaluation = Evaluate(strangers.embeddings, strangers.people, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_FALSE(evaluation->measurements.calibration.has_value());
}

TEST(EvaluationTest, RepeatsItself) {
  const Strangers strangers(/*count=*/20, /*photos=*/5, /*spread=*/1.5);
  const auto once = Evaluate(strangers.embeddings, strangers.people, kOptions);
  const auto again = Evaluate(strangers.embeddings, strangers.people, kOptions);
  EXPECT_EQ(once->rates[0].false_non_match_rate.low, again->rates[0].false_non_match_rate.low);
  EXPECT_EQ(once->rates[0].false_non_match_rate.high, again->rates[0].false_non_match_rate.high);
}

TEST(EvaluationTest, HasOnlyHistogramsAndExamplesOfTwoPeopleWithOnePhotoEach) {
  const auto evaluation = Evaluate(std::vector<std::vector<float>>{{0}, {1}}, {1, 2}, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->genuine_pairs, 0);
  EXPECT_EQ(evaluation->impostor_pairs, 1);
  EXPECT_FALSE(evaluation->equal_error_rate.has_value());
  EXPECT_FALSE(evaluation->area_under_roc.has_value());
  EXPECT_THAT(evaluation->rates, IsEmpty());
  EXPECT_THAT(evaluation->examples, SizeIs(1));
  EXPECT_EQ(std::accumulate(evaluation->impostor_histogram.begin(), evaluation->impostor_histogram.end(), 0), 1);
}

TEST(EvaluationTest, HasNoFiguresWithoutAnybody) {
  const auto evaluation = Evaluate({}, {}, kOptions);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->impostor_pairs, 0);
  EXPECT_FALSE(evaluation->equal_error_rate.has_value());
  EXPECT_THAT(evaluation->genuine_histogram, IsEmpty());
}

TEST(EvaluationTest, CountsDistancesInHundredthsOfTheMargin) {
  // Genuine 0.25 apart; impostors 0.5 and 0.75.
  const auto evaluation = Evaluate(std::vector<std::vector<float>>{{0}, {0.25f}, {0.75f}}, {1, 1, 2},
                                   {.margin = 10, .target_false_match_rates = {}});
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->bin_width, 0.1);
  EXPECT_THAT(evaluation->genuine_histogram, ElementsAre(0, 0, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(evaluation->impostor_histogram, ElementsAre(0, 0, 0, 0, 0, 1, 0, 1));
}

TEST(EvaluationTest, CountsAllBeyondInTheLastOf512Bins) {
  const auto evaluation =
      Evaluate(std::vector<std::vector<float>>{{0}, {1e30f}}, {1, 2}, {.margin = 1, .target_false_match_rates = {}});
  ASSERT_THAT(evaluation, IsOk());
  ASSERT_THAT(evaluation->impostor_histogram, SizeIs(512));
  EXPECT_EQ(evaluation->impostor_histogram.back(), 1);
  EXPECT_THAT(evaluation->genuine_histogram, SizeIs(512));
}

TEST(EvaluationTest, ShowsTheSameExamplesForEveryModel) {
  const Strangers good(/*count=*/20, /*photos=*/3, /*spread=*/0.1);
  const Strangers bad(/*count=*/20, /*photos=*/3, /*spread=*/3);
  const auto of_good = Evaluate(good.embeddings, good.people, kOptions);
  const auto of_bad = Evaluate(bad.embeddings, bad.people, kOptions);
  ASSERT_THAT(of_good->examples, SizeIs(16));
  for (size_t i = 0; i < 16; ++i) {
    const PairExample& example = of_good->examples[i];
    EXPECT_EQ(example.a, of_bad->examples[i].a);
    EXPECT_EQ(example.b, of_bad->examples[i].b);
    EXPECT_EQ(example.genuine, good.people[example.a] == good.people[example.b]);
    EXPECT_EQ(example.genuine, i < 8);
    EXPECT_EQ(example.distance, EuclideanDistance(good.embeddings[example.a], good.embeddings[example.b]));
  }
}

TEST(EvaluationTest, RefusesADistanceThatIsNotANumber) {
  const std::vector<std::vector<float>> embeddings = {{0}, {std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_THAT(Evaluate(embeddings, {1, 2}, kOptions).status(), FailsWith(Reason::NETWORK_FAILED));
}

}  // namespace
}  // namespace likeness
