#include "server/verification/cohort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "server/verification/decision.h"
#include "tests/support/matchers.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

using testing::Not;

constexpr double kRoot2 = 1.41421356237309515;

// The directions of three axes.
absl::StatusOr<Cohort> Axes(int nearest, double cap = 2) {
  return Cohort::Create({2, 0, 0, 0, 3, 0, 0, 0, 4}, 3, {.nearest = nearest, .cap = cap});
}

Cohort RandomCohort(std::mt19937& random, size_t size, double cap) {
  std::vector<float> centroids;
  for (int i = 0; i < 40; ++i) {
    const std::vector<float> centroid = RandomUnitVector(size, random);
    centroids.insert(centroids.end(), centroid.begin(), centroid.end());
  }
  return *Cohort::Create(centroids, size, {.nearest = 5, .cap = cap});
}

TEST(CohortTest, MeasuresTheMeanDistanceToTheNearestCentroids) {
  EXPECT_NEAR(Axes(1)->Crowding({1, 0, 0}), 0, 1e-6);
  EXPECT_NEAR(Axes(2)->Crowding({1, 0, 0}), kRoot2 / 2, 1e-6);
  EXPECT_NEAR(Axes(3)->Crowding({1, 0, 0}), 2 * kRoot2 / 3, 1e-6);
  EXPECT_NEAR(Axes(1)->Crowding({-1, 0, 0}), kRoot2, 1e-6);
}

TEST(CohortTest, CapsTheCrowdingOfAFaceThatIsFarFromEverybody) {
  EXPECT_EQ(Axes(3, 0.5)->Crowding({-1, 0, 0}), 0.5);
  EXPECT_NEAR(Axes(1, 0.5)->Crowding({1, 0, 0}), 0, 1e-6);
}

TEST(CohortTest, SaysNotANumberOfWhatIsNoEmbeddingOfItsSize) {
  EXPECT_TRUE(std::isnan(Axes(1)->Crowding({1, 0})));
  EXPECT_TRUE(std::isnan(Axes(1)->Crowding({std::numeric_limits<float>::quiet_NaN(), 0, 0})));
}

TEST(CohortTest, RefusesWhatCannotBeOne) {
  EXPECT_THAT(Cohort::Create({}, 3, {.nearest = 1, .cap = 1}), Not(IsOk())) << "nobody";
  EXPECT_THAT(Cohort::Create({1, 0, 0, 1}, 3, {.nearest = 1, .cap = 1}), Not(IsOk())) << "not whole";
  EXPECT_THAT(Cohort::Create({0, 0, 0}, 3, {.nearest = 1, .cap = 1}), Not(IsOk())) << "no direction";
  EXPECT_THAT(Cohort::Create({1, 0, NAN}, 3, {.nearest = 1, .cap = 1}), Not(IsOk()));
  EXPECT_THAT(Axes(0), Not(IsOk()));
  EXPECT_THAT(Axes(4), Not(IsOk())) << "more than there are";
  EXPECT_THAT(Axes(1, 0), Not(IsOk()));
  EXPECT_THAT(Axes(1, NAN), Not(IsOk()));
}

TEST(CohortTest, KeepsTheDirectionOfCentroidsInAByteForEachNumber) {
  std::mt19937 random(1);
  const std::vector<float> centroid = RandomUnitVector(192, random);
  const absl::StatusOr<std::vector<float>> stored = DecodeDirections(EncodeDirections(centroid, 192), 192);
  ASSERT_THAT(stored, IsOk());
  const absl::StatusOr<Cohort> cohort = Cohort::Create(*stored, 192, {.nearest = 1, .cap = 2});
  ASSERT_THAT(cohort, IsOk());
  EXPECT_LT(cohort->Crowding(centroid), 0.02);
}

TEST(CohortTest, RefusesTextThatHoldsNoCentroids) {
  EXPECT_THAT(DecodeDirections("no base64!", 3), Not(IsOk()));
  EXPECT_THAT(DecodeDirections("AQI=", 3), Not(IsOk())) << "two bytes";
  EXPECT_THAT(DecodeDirections("", 3), Not(IsOk()));
}

// Whoever could choose an embedding freely would gain nothing by choosing an empty place.
TEST(CohortTest, NeverRaisesTheThresholdOfAPairAboveTheBase) {
  std::mt19937 random(20261128);
  const Threshold base{.distance = 1.05, .source = ThresholdSource::kOperatingPoint, .point = OperatingPoint{}};
  for (double cap : {0.6, 1.1, 2.0}) {
    const Cohort cohort = RandomCohort(random, 16, cap);
    for (int round = 0; round < 5000; ++round) {
      const PairCrowding crowding{cohort.Crowding(RandomUnitVector(16, random)),
                                  cohort.Crowding(RandomUnitVector(16, random)), cohort.cap()};
      const Decision decision = Decide(0.9, base, crowding);
      ASSERT_LE(decision.threshold.distance, base.distance);
      ASSERT_GE(decision.normalized_distance, decision.distance);
      ASSERT_EQ(decision.base_distance, base.distance);
    }
  }
}

// Climbs towards a target that it knows nothing of but the verdict's margin, as a caller who may send any embedding.
double ClimbTowards(const std::vector<float>& target, const Cohort* cohort, int calls, unsigned seed) {
  std::mt19937 random(seed);
  const Threshold base{.distance = 1.05, .source = ThresholdSource::kOperatingPoint, .point = OperatingPoint{}};
  const auto excess = [&](const std::vector<float>& probe) {
    const Embedding a{{}, probe}, b{{}, target};
    std::optional<PairCrowding> crowding;
    if (cohort != nullptr) crowding = PairCrowding{cohort->Crowding(probe), cohort->Crowding(target), cohort->cap()};
    const Decision decision = Decide(*MeasureDistance(a, b), base, crowding);
    return decision.distance - decision.threshold.distance;
  };
  std::vector<float> best = RandomUnitVector(target.size(), random);
  double least = excess(best);
  for (int call = 1; call < calls && least > 0; ++call) {
    const std::vector<float> next = UnitVectorNear(best, 0.08F, random);
    if (const double found = excess(next); found < least) {
      least = found;
      best = next;
    }
  }
  return least;
}

TEST(CohortTest, HelpsNobodyWhoClimbsTowardsAReference) {
  constexpr int kAttacks = 150;
  constexpr int kCalls = 60;
  std::mt19937 random(3);
  const Cohort cohort = RandomCohort(random, 32, 1.2);
  int with_cohort = 0;
  int without = 0;
  for (unsigned attack = 0; attack < kAttacks; ++attack) {
    const std::vector<float> target = RandomUnitVector(32, random);
    with_cohort += ClimbTowards(target, &cohort, kCalls, attack) <= 0 ? 1 : 0;
    without += ClimbTowards(target, nullptr, kCalls, attack) <= 0 ? 1 : 0;
  }
  EXPECT_GT(without, 0) << "the attack is worth something";
  EXPECT_LE(with_cohort, without);
}

}  // namespace
}  // namespace likeness
