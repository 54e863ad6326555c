// A property, over random inputs: nothing but a measured distance at or below a sound threshold yields "same person".
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "server/verification/decision.h"

namespace likeness {
namespace {

constexpr int kRounds = 20000;

// Numbers as they occur, and numbers as they must not.
class Inputs {
 public:
  explicit Inputs(unsigned seed) : random_(seed) {}

  int Whole(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }

  double Number() {
    constexpr double kOdd[] = {std::numeric_limits<double>::quiet_NaN(),
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::max(),
                               std::numeric_limits<double>::denorm_min(),
                               0.0,
                               -0.0,
                               -1.0};
    if (Whole(0, 19) == 0) return kOdd[Whole(0, static_cast<int>(std::size(kOdd)) - 1)];
    return std::uniform_real_distribution<double>(-1.5, 1.5)(random_);
  }

  Embedding Point() {
    Embedding embedding;
    embedding.model.bytes[0] = static_cast<uint8_t>(Whole(0, 1));
    const int size = Whole(0, 19) == 0 ? Whole(0, 3) : 2;
    for (int i = 0; i < size; ++i) embedding.values.push_back(static_cast<float>(Number()));
    return embedding;
  }

 private:
  std::mt19937 random_;
};

// The distance from its definition, in long double; NaN when the embeddings cannot be compared.
double TrueDistance(const Embedding& a, const Embedding& b) {
  if (!(a.model == b.model) || a.values.size() != b.values.size() || a.values.empty()) return std::nan("");
  long double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    sum +=
        (static_cast<long double>(a.values[i]) - b.values[i]) * (static_cast<long double>(a.values[i]) - b.values[i]);
  }
  return static_cast<double>(std::sqrt(sum));
}

TEST(FailClosedTest, NeverVerifiesBeyondTheThreshold) {
  Inputs inputs(/*seed=*/20261123);
  int verified = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Embedding probe = inputs.Point();
    std::vector<ReferenceEmbedding> references(static_cast<size_t>(inputs.Whole(0, 4)));
    for (ReferenceEmbedding& reference : references) reference.embedding = inputs.Point();
    const double max_distance = inputs.Number();

    const absl::StatusOr<Threshold> threshold = RequestThreshold({}, {}, {max_distance, std::nullopt});
    const absl::StatusOr<NearestReference> nearest = FindNearestReference(probe, references);
    if (!threshold.ok() || !nearest.ok() || !IsSamePerson(nearest->distance, *threshold)) continue;

    ++verified;
    const double distance = TrueDistance(probe, references[nearest->index].embedding);
    ASSERT_TRUE(std::isfinite(distance)) << "round " << round;
    ASSERT_NEAR(distance, nearest->distance, 1e-9 * (1 + distance)) << "round " << round;
    ASSERT_LE(nearest->distance, max_distance) << "round " << round;
    for (const ReferenceEmbedding& reference : references) {
      if (!(reference.embedding.model == probe.model)) continue;
      // All references were measured, and none is nearer.
      ASSERT_GE(TrueDistance(probe, reference.embedding), distance) << "round " << round;
    }
  }
  // The property is not empty: many rounds did end in "same person".
  EXPECT_GT(verified, kRounds / 20);
}

// Whatever the policy, the threshold's origin and the faults among probe, references and points.
TEST(FailClosedTest, NeverVerifiesAnythingButAMeasuredDistanceUnderTheThreshold) {
  constexpr ReferencePolicy kPolicies[] = {ReferencePolicy::kNearest, ReferencePolicy::kMeanEmbedding,
                                           ReferencePolicy::kMeanDistance};
  Inputs inputs(/*seed=*/20261124);
  int verified = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Embedding probe = inputs.Point();
    std::vector<ReferenceEmbedding> references(static_cast<size_t>(inputs.Whole(0, 4)));
    for (ReferenceEmbedding& reference : references) reference.embedding = inputs.Point();
    std::vector<OperatingPoint> points(static_cast<size_t>(inputs.Whole(0, 2)));
    for (OperatingPoint& point : points) {
      point.fmr = std::abs(inputs.Number()) / 2;
      point.distance = std::abs(inputs.Number());
      point.impostor_pairs = inputs.Whole(0, 1000);
    }
    ThresholdRequest request;
    if (inputs.Whole(0, 2) == 0) request.max_distance = inputs.Number();
    if (inputs.Whole(0, 2) == 0) request.target_fmr = inputs.Number();
    const UnmeasuredPolicy unmeasured =
        inputs.Whole(0, 1) == 0 ? UnmeasuredPolicy::kRefuse : UnmeasuredPolicy::kHalfMargin;
    const std::optional<Threshold> standard =
        ChooseThreshold(points, inputs.Number(), {.target_fmr = inputs.Number(), .unmeasured = unmeasured});
    const ReferencePolicy policy = kPolicies[inputs.Whole(0, 2)];

    const absl::StatusOr<Threshold> threshold = RequestThreshold(standard, points, request);
    const absl::StatusOr<ReferenceMatch> match = MatchReferences(probe, references, policy, inputs.Whole(0, 1) == 0);
    if (!threshold.ok() || !match.ok() || !IsSamePerson(match->distance, *threshold)) continue;

    ++verified;
    ASSERT_TRUE(std::isfinite(match->distance) && match->distance >= 0) << "round " << round;
    ASSERT_LE(match->distance, threshold->distance) << "round " << round;
    if (request.max_distance.has_value()) {
      ASSERT_LE(match->distance, *request.max_distance);
    } else if (request.target_fmr.has_value()) {
      ASSERT_TRUE(threshold->point.has_value()) << "round " << round;
      ASSERT_LE(threshold->point->fmr, *request.target_fmr * (1 + 1e-8)) << "round " << round;
      ASSERT_GE(threshold->point->fmr * static_cast<double>(threshold->point->impostor_pairs), 9.99);
    } else if (unmeasured == UnmeasuredPolicy::kRefuse) {
      ASSERT_TRUE(IsMeasured(*threshold)) << "round " << round;
    }
    ASSERT_LT(match->nearest, references.size()) << "round " << round;
    ASSERT_TRUE(references[match->nearest].embedding.model == probe.model) << "round " << round;
    int comparable = 0;
    for (const ReferenceEmbedding& reference : references) {
      if (!(reference.embedding.model == probe.model)) continue;
      ++comparable;
      // A fault in any reference that could decide fails the call.
      ASSERT_TRUE(std::isfinite(TrueDistance(probe, reference.embedding))) << "round " << round;
    }
    if (comparable == 1) {
      ASSERT_NEAR(match->distance, TrueDistance(probe, references[match->nearest].embedding),
                  1e-6 * (1 + match->distance));
    }
  }
  EXPECT_GT(verified, kRounds / 50);
}

TEST(FailClosedTest, NeverCallsTwoFacesTheSameForAThresholdThatWasNotMeasured) {
  Inputs inputs(/*seed=*/7);
  for (int round = 0; round < kRounds; ++round) {
    const double distance = inputs.Number(), limit = inputs.Number();
    const Threshold threshold{.distance = limit, .source = ThresholdSource::kRequest, .point = std::nullopt};
    const bool sound = distance >= 0 && distance <= limit && std::isfinite(distance);
    ASSERT_EQ(IsSamePerson(distance, threshold), sound) << distance << " against " << limit;
  }
}

}  // namespace
}  // namespace likeness
