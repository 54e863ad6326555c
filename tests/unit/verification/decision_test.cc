#include "server/verification/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::Field;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ModelDigest Model(uint8_t name) {
  ModelDigest digest;
  digest.bytes.fill(name);
  return digest;
}

Embedding At(std::vector<float> values, uint8_t model = 1) { return {Model(model), std::move(values)}; }

OperatingPoint Point(double fmr, double distance, int64_t impostor_pairs = 1'000'000) {
  OperatingPoint point;
  point.fmr = fmr;
  point.distance = distance;
  point.impostor_pairs = impostor_pairs;
  return point;
}

Threshold UpTo(double distance) {
  return {.distance = distance, .source = ThresholdSource::kOperatingPoint, .point = Point(1e-3, distance)};
}

TEST(MeasuredThresholdTest, TakesTheMeasuredPointWithTheLargestRateThatDoesNotExceedTheTarget) {
  const std::vector<OperatingPoint> points = {Point(1e-4, 0.9), Point(1e-3, 1.0), Point(1e-2, 1.1)};
  struct Case {
    double target;
    double distance;
  };
  for (const Case& c : {Case{1e-4, 0.9}, {5e-4, 0.9}, {1e-3, 1.0}, {9.9e-3, 1.0}, {1e-2, 1.1}, {0.5, 1.1}}) {
    const absl::StatusOr<Threshold> threshold = MeasuredThreshold(points, c.target);
    ASSERT_THAT(threshold, IsOk());
    EXPECT_EQ(threshold->distance, c.distance) << c.target;
    EXPECT_EQ(threshold->source, ThresholdSource::kOperatingPoint);
    ASSERT_TRUE(threshold->point.has_value());
    EXPECT_LE(threshold->point->fmr, c.target);
  }
}

TEST(MeasuredThresholdTest, TakesARateForTheSameThatWasWrittenInAnotherWay) {
  EXPECT_THAT(MeasuredThreshold({Point(0.1 + 0.2, 1.0)}, 0.3), IsOkAndHolds(Field(&Threshold::distance, 1.0)));
}

TEST(MeasuredThresholdTest, RefusesARateBelowAllThatWereMeasuredAndSaysWhichIsSupported) {
  EXPECT_THAT(MeasuredThreshold({Point(1e-3, 1.0)}, 1e-4), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
  EXPECT_THAT(MeasuredThreshold({Point(1e-3, 1.0)}, 1e-4),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("the lowest that they do is 0.001")));
}

// A rate is known only where enough impostor pairs have matched.
TEST(MeasuredThresholdTest, PassesOverAPointThatTooFewPairsSupport) {
  const std::vector<OperatingPoint> points = {Point(1e-4, 0.9, 99'000), Point(1e-3, 1.0, 10'000)};
  EXPECT_THAT(MeasuredThreshold(points, 1e-3), IsOkAndHolds(Field(&Threshold::distance, 1.0)));
  EXPECT_THAT(MeasuredThreshold(points, 1e-4),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("the lowest that they do is 0.001")));
}

TEST(MeasuredThresholdTest, RefusesARateThatIsNotANumber) {
  EXPECT_THAT(MeasuredThreshold({Point(1e-3, 1.0)}, kNan), Not(IsOk()));
}

TEST(ChooseThresholdTest, TakesAMeasuredPoint) {
  for (UnmeasuredPolicy unmeasured : {UnmeasuredPolicy::kRefuse, UnmeasuredPolicy::kHalfMargin}) {
    const auto threshold = ChooseThreshold({Point(1e-3, 1.0)}, 1.4, {.target_fmr = 1e-2, .unmeasured = unmeasured});
    ASSERT_TRUE(threshold.has_value());
    EXPECT_EQ(threshold->distance, 1.0);
    EXPECT_EQ(threshold->source, ThresholdSource::kOperatingPoint);
    EXPECT_TRUE(IsMeasured(threshold));
  }
}

const std::vector<OperatingPoint> kUnsupported[] = {{}, {Point(1e-2, 1.0)}, {Point(1e-3, 1.0, 100)}};

TEST(ChooseThresholdTest, ChoosesNothingByItselfWhereNothingSupportsTheRate) {
  for (const std::vector<OperatingPoint>& points : kUnsupported) {
    const std::optional<Threshold> threshold = ChooseThreshold(points, 2.0, {.target_fmr = 1e-3});
    EXPECT_FALSE(threshold.has_value());
    EXPECT_FALSE(IsMeasured(threshold));
  }
}

TEST(ChooseThresholdTest, TakesHalfTheMarginThereOnlyWhereItIsToldTo) {
  for (const std::vector<OperatingPoint>& points : kUnsupported) {
    const std::optional<Threshold> threshold =
        ChooseThreshold(points, 2.0, {.target_fmr = 1e-3, .unmeasured = UnmeasuredPolicy::kHalfMargin});
    ASSERT_TRUE(threshold.has_value());
    EXPECT_EQ(threshold->distance, 1.0);
    EXPECT_EQ(threshold->source, ThresholdSource::kHalfMargin);
    EXPECT_FALSE(threshold->point.has_value());
    EXPECT_FALSE(IsMeasured(threshold));
  }
}

// The distance of an untrained network's embeddings may well be 0.
TEST(DecideTest, VerifiesNobodyByAThresholdThatNobodyHasSet) {
  EXPECT_FALSE(Decide(0, Threshold(), std::nullopt).same_person);
}

TEST(RequestThresholdTest, RefusesWhereNothingWasMeasuredUnlessTheRequestDecides) {
  EXPECT_THAT(RequestThreshold(std::nullopt, {}, {}), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
  EXPECT_THAT(RequestThreshold(std::nullopt, {}, {}),
              HasStatus(absl::StatusCode::kFailedPrecondition,
                        AllOf(HasSubstr("likeness calibrate"), HasSubstr("--threshold=half-margin"))));
  EXPECT_THAT(RequestThreshold(std::nullopt, {}, {0.5, std::nullopt}), IsOkAndHolds(Field(&Threshold::distance, 0.5)));
  EXPECT_THAT(RequestThreshold(std::nullopt, {}, {std::nullopt, 1e-3}), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
  EXPECT_THAT(RequestThreshold(std::nullopt, {Point(1e-2, 0.9)}, {std::nullopt, 1e-2}),
              IsOkAndHolds(Field(&Threshold::distance, 0.9)));
}

TEST(RequestThresholdTest, KeepsTheStandardWhenTheRequestBringsNone) {
  const absl::StatusOr<Threshold> threshold = RequestThreshold(UpTo(1.04), {}, {});
  ASSERT_THAT(threshold, IsOk());
  EXPECT_EQ(threshold->distance, 1.04);
  EXPECT_EQ(threshold->source, ThresholdSource::kOperatingPoint);
  EXPECT_EQ(threshold->point->fmr, 1e-3);
}

TEST(RequestThresholdTest, TakesTheRequestsOwnDistanceAndClaimsNoRateForIt) {
  const absl::StatusOr<Threshold> threshold = RequestThreshold(UpTo(1.04), {}, {0.5, std::nullopt});
  ASSERT_THAT(threshold, IsOk());
  EXPECT_EQ(threshold->distance, 0.5);
  EXPECT_EQ(threshold->source, ThresholdSource::kRequest);
  EXPECT_FALSE(threshold->point.has_value());
}

TEST(RequestThresholdTest, TakesThePointOfTheRequestsOwnRate) {
  const std::vector<OperatingPoint> points = {Point(1e-4, 0.9), Point(1e-3, 1.0)};
  const absl::StatusOr<Threshold> threshold = RequestThreshold(UpTo(1.0), points, {std::nullopt, 1e-4});
  ASSERT_THAT(threshold, IsOk());
  EXPECT_EQ(threshold->distance, 0.9);
  EXPECT_EQ(threshold->point->fmr, 1e-4);
}

TEST(RequestThresholdTest, RefusesARateThatNothingSupportsThoughTheServerHasAThreshold) {
  EXPECT_THAT(RequestThreshold(UpTo(1.04), {}, {std::nullopt, 1e-3}), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
}

TEST(RequestThresholdTest, RefusesARateThatIsNone) {
  for (double target_fmr : {0.0, -1e-3, 1.0, 2.0, kNan, kInfinity, -kInfinity}) {
    EXPECT_THAT(RequestThreshold({}, {Point(1e-3, 1)}, {std::nullopt, target_fmr}),
                FailsWith(Reason::FIELD_INVALID, "target_fmr"))
        << target_fmr;
  }
}

TEST(RequestThresholdTest, RefusesADistanceTogetherWithARate) {
  EXPECT_THAT(RequestThreshold({}, {Point(1e-3, 1)}, {0.5, 1e-3}), FailsWith(Reason::FIELD_INVALID, "target_fmr"));
}

TEST(RequestThresholdTest, RefusesWhatIsNotAFiniteNumberAboveZero) {
  for (double max_distance : {0.0, -0.0, -1.0, kNan, -kNan, kInfinity, -kInfinity}) {
    EXPECT_THAT(RequestThreshold({}, {}, {max_distance, std::nullopt}),
                FailsWith(Reason::FIELD_INVALID, "max_distance"))
        << max_distance;
  }
}

TEST(MeasureDistanceTest, MeasuresEmbeddingsOfOneModel) {
  EXPECT_THAT(MeasureDistance(At({0, 0}), At({3, 4})), IsOkAndHolds(5.0));
}

TEST(MeasureDistanceTest, RefusesToCompareEmbeddingsOfDifferentModels) {
  EXPECT_THAT(MeasureDistance(At({1, 0}, 1), At({1, 0}, 2)), FailsWith(Reason::MODEL_MISMATCH));
}

TEST(MeasureDistanceTest, RefusesEmbeddingsOfDifferentSizesAndEmptyOnes) {
  EXPECT_THAT(MeasureDistance(At({1, 0}), At({1, 0, 0})), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(MeasureDistance(At({}), At({})), FailsWith(Reason::STORE_CORRUPT));
}

TEST(MeasureDistanceTest, RefusesADistanceThatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(MeasureDistance(At({nan}), At({0})), FailsWith(Reason::NETWORK_FAILED));
  EXPECT_THAT(MeasureDistance(At({0}), At({infinity})), FailsWith(Reason::NETWORK_FAILED));
  EXPECT_THAT(MeasureDistance(At({infinity}), At({infinity})), FailsWith(Reason::NETWORK_FAILED));
}

TEST(FindNearestReferenceTest, FindsTheNearest) {
  const std::vector<ReferenceEmbedding> references = {
      {"far", At({5, 0})}, {"near", At({1, 0})}, {"middle", At({2, 0})}};
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(At({0, 0}), references);
  ASSERT_THAT(nearest, IsOk());
  EXPECT_EQ(nearest->index, 1u);
  EXPECT_EQ(nearest->distance, 1);
}

std::vector<ReferenceEmbedding> RightAngle() { return {{"right", At({1, 0})}, {"up", At({0, 1})}}; }

TEST(MatchReferencesTest, DecidesByTheNearest) {
  const auto match = MatchReferences(At({0.6f, 0.8f}), RightAngle(), ReferencePolicy::kNearest, true);
  ASSERT_THAT(match, IsOk());
  EXPECT_EQ(match->nearest, 1u);
  EXPECT_NEAR(match->distance, std::sqrt(0.4), 1e-6);
}

TEST(MatchReferencesTest, DecidesByTheMeanOfUnitLength) {
  const float diagonal = std::sqrt(0.5f);
  const auto match = MatchReferences(At({diagonal, diagonal}), RightAngle(), ReferencePolicy::kMeanEmbedding, true);
  ASSERT_THAT(match, IsOk());
  EXPECT_NEAR(match->distance, 0, 1e-6);
  EXPECT_NEAR(MatchReferences(At({0.6f, 0.8f}), RightAngle(), ReferencePolicy::kMeanEmbedding, true)->distance,
              std::hypot(0.6 - diagonal, 0.8 - diagonal), 1e-6);
}

TEST(MatchReferencesTest, DecidesByThePlainMeanWhereEmbeddingsHaveNoUnitLength) {
  const auto match = MatchReferences(At({0.5f, 0.5f}), RightAngle(), ReferencePolicy::kMeanEmbedding, false);
  ASSERT_THAT(match, IsOk());
  EXPECT_NEAR(match->distance, 0, 1e-6);
}

TEST(MatchReferencesTest, DecidesByTheMeanDistance) {
  const auto match = MatchReferences(At({1, 0}), RightAngle(), ReferencePolicy::kMeanDistance, true);
  ASSERT_THAT(match, IsOk());
  EXPECT_EQ(match->nearest, 0u);
  EXPECT_NEAR(match->distance, std::sqrt(2.0) / 2, 1e-6);
}

TEST(MatchReferencesTest, SaysTheSameOfOneReferenceWhateverThePolicy) {
  const std::vector<ReferenceEmbedding> one = {{"other model", At({0.6f, 0.8f}, 2)}, {"one", At({1, 0})}};
  for (ReferencePolicy policy :
       {ReferencePolicy::kNearest, ReferencePolicy::kMeanEmbedding, ReferencePolicy::kMeanDistance}) {
    EXPECT_EQ(MatchReferences(At({0.6f, 0.8f}), one, policy, true)->distance,
              FindNearestReference(At({0.6f, 0.8f}), one)->distance);
  }
}

// The mean of opposites is no direction; scaled up, its rounding errors would decide.
TEST(MatchReferencesTest, RefusesReferencesThatCancelEachOtherOut) {
  const std::vector<ReferenceEmbedding> opposites = {{"left", At({-1, 0})}, {"right", At({1, 0})}};
  EXPECT_THAT(MatchReferences(At({1, 0}), opposites, ReferencePolicy::kMeanEmbedding, true),
              FailsWith(Reason::NETWORK_FAILED));
}

// The axes of a plane, each a place where somebody is.
const Cohort& Axes() {
  static const Cohort& axes = *new Cohort(*Cohort::Create({1, 0, 0, 1}, 2, {.nearest = 1, .cap = 1}));
  return axes;
}

TEST(DecideTest, LowersTheThresholdByWhatBothPlacesLackToTheCap) {
  const Decision decision = Decide(0.8, UpTo(1.0), PairCrowding{.probe = 0.9, .reference = 0.7, .cap = 1.0});
  EXPECT_DOUBLE_EQ(decision.threshold.distance, 0.8);
  EXPECT_DOUBLE_EQ(decision.base_distance, 1.0);
  EXPECT_DOUBLE_EQ(decision.normalized_distance, 1.0);
  EXPECT_EQ(decision.distance, 0.8);
  EXPECT_EQ(decision.threshold.source, ThresholdSource::kOperatingPoint);
}

TEST(DecideTest, VerifiesUpToThePairsThresholdAndNotBeyond) {
  const PairCrowding crowding{.probe = 0.75, .reference = 0.75, .cap = 1.0};
  EXPECT_TRUE(Decide(0.75, UpTo(1.0), crowding).same_person);
  EXPECT_FALSE(Decide(std::nextafter(0.75, 1.0), UpTo(1.0), crowding).same_person);
  EXPECT_TRUE(Decide(1.0, UpTo(1.0), std::nullopt).same_person) << "without a cohort one threshold is for all";
}

TEST(DecideTest, LeavesTheRequestsOwnThresholdAsItIs) {
  const Threshold own{.distance = 0.9, .source = ThresholdSource::kRequest, .point = std::nullopt};
  const Decision decision = Decide(0.85, own, PairCrowding{.probe = 0.5, .reference = 0.5, .cap = 1.0});
  EXPECT_TRUE(decision.same_person);
  EXPECT_EQ(decision.threshold.distance, 0.9);
  EXPECT_DOUBLE_EQ(decision.normalized_distance, 1.35) << "what the likelihood ratio goes by";
}

TEST(DecideTest, VerifiesNobodyWhoseCrowdingWasNotMeasured) {
  EXPECT_FALSE(Decide(0, UpTo(1.0), PairCrowding{.probe = kNan, .reference = 0.5, .cap = 1.0}).same_person);
  EXPECT_FALSE(Decide(0, UpTo(1.0), PairCrowding{.probe = 0.5, .reference = kNan, .cap = 1.0}).same_person);
  const Threshold own{.distance = 0.9, .source = ThresholdSource::kRequest, .point = std::nullopt};
  EXPECT_FALSE(Decide(0.5, own, PairCrowding{.probe = kNan, .reference = 0.5, .cap = 1.0}).same_person);
}

TEST(MatchReferencesTest, TellsTheCrowdingOfWhatThePolicyComparesWith) {
  const std::vector<ReferenceEmbedding> axes = {{"x", At({1, 0}), 0.25}, {"y", At({0, 1}), 0.75}};
  const Embedding probe = At({0.8F, 0.6F});
  EXPECT_EQ(MatchReferences(probe, axes, ReferencePolicy::kNearest, true, &Axes())->crowding, 0.25);
  EXPECT_EQ(MatchReferences(probe, axes, ReferencePolicy::kMeanDistance, true, &Axes())->crowding, 0.5);
  const auto mean = MatchReferences(probe, axes, ReferencePolicy::kMeanEmbedding, true, &Axes());
  EXPECT_NEAR(*mean->crowding, std::sqrt(2 - std::sqrt(2)), 1e-6) << "between the axes";
  EXPECT_EQ(MatchReferences(probe, axes, ReferencePolicy::kNearest, true)->crowding, std::nullopt);
}

TEST(FindNearestReferenceTest, MeasuresTheCrowdingThatNobodyKept) {
  const auto nearest = FindNearestReference(At({1, 0}), {{"x", At({1, 0})}}, &Axes());
  ASSERT_THAT(nearest, IsOk());
  EXPECT_NEAR(*nearest->crowding, 0, 1e-6);
}

TEST(FindNearestReferenceTest, PassesOverReferencesOfOtherModels) {
  const std::vector<ReferenceEmbedding> references = {{"same place, other model", At({0, 0}, 2)}, {"far", At({7, 0})}};
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(At({0, 0}), references);
  ASSERT_THAT(nearest, IsOk());
  EXPECT_EQ(nearest->index, 1u);
  EXPECT_EQ(nearest->distance, 7);
}

TEST(FindNearestReferenceTest, FailsWhenNoReferenceIsOfTheProbesModel) {
  EXPECT_THAT(FindNearestReference(At({0}, 1), {{"a", At({0}, 2)}, {"b", At({0}, 3)}}),
              FailsWith(Reason::MODEL_MISMATCH));
}

TEST(FindNearestReferenceTest, FailsWithoutAnyReference) {
  EXPECT_THAT(FindNearestReference(At({0}), {}), FailsWith(Reason::PERSON_WITHOUT_REFERENCE));
}

TEST(FindNearestReferenceTest, FailsWhenAnyReferenceOfTheModelIsNotANumberEvenBesideAMatch) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(FindNearestReference(At({0}), {{"match", At({0})}, {"broken", At({nan})}}),
              FailsWith(Reason::NETWORK_FAILED));
}

TEST(IsSamePersonTest, IsTrueUpToAndAtTheThreshold) {
  EXPECT_TRUE(IsSamePerson(0, UpTo(1)));
  EXPECT_TRUE(IsSamePerson(1, UpTo(1)));
  EXPECT_FALSE(IsSamePerson(std::nextafter(1.0, 2.0), UpTo(1)));
}

TEST(IsSamePersonTest, IsFalseForWhatIsNoDistanceAndForWhatIsNoThreshold) {
  for (double distance : {kNan, kInfinity, -kInfinity, -1.0}) {
    EXPECT_FALSE(IsSamePerson(distance, UpTo(1))) << distance;
    EXPECT_FALSE(IsSamePerson(distance, UpTo(kInfinity))) << distance;
  }
  EXPECT_FALSE(IsSamePerson(0.5, UpTo(kNan)));
  EXPECT_FALSE(IsSamePerson(0, UpTo(-1)));
}

}  // namespace
}  // namespace likeness
