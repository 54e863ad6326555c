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
