#include "server/training/carried_measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "server/bundle_file/bundle_manifest_file.h"
#include "server/verification/distance.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kSize = 8;

LinearHead Scaled(const std::vector<float>& scales) {
  std::vector<float> matrix(kSize * kSize);
  for (size_t i = 0; i < kSize; ++i) matrix[i * (kSize + 1)] = scales[i];
  return *LinearHead::Create(std::vector<float>(kSize), matrix);
}

LinearHead Unchanged() { return Scaled(std::vector<float>(kSize, 1)); }
// Stretches what two of eight numbers say, so that faces come closer together in the others.
LinearHead Stretched() { return Scaled({3, 3, 1, 1, 1, 1, 1, 1}); }

SyntheticGroup People(const char* name, size_t people, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0, 0.15F);
  SyntheticGroup group{name, 2, {}};
  for (size_t person = 0; person < people; ++person) {
    const std::vector<float> face = RandomUnitVector(kSize, random);
    for (int photo = 0; photo < 2; ++photo) {
      std::vector<float> values = face;
      float squares = 0;
      for (float& value : values) {
        value += noise(random);
        squares += value * value;
      }
      for (float& value : values) value /= std::sqrt(squares);
      group.faces.push_back(values);
    }
  }
  return group;
}

LayeredPairs MeasureLayer(const SyntheticGroup& group, const LinearHead& layer, const Cohort* cohort,
                          const Cohort* carried) {
  const SyntheticGroup moved{group.name, group.faces_of_person, layer.ApplyToAll(group.faces)};
  return {*DistancesAmong(group, cohort), *DistancesAmong(moved, carried)};
}

// Its points are measured on its own synthetic people.
BundleManifest Base(bool with_cohort) {
  BundleManifest base;
  base.embedding_size = kSize;
  base.unit_length = true;
  base.synthetic_people = std::make_shared<const std::vector<SyntheticGroup>>(
      std::vector<SyntheticGroup>{People("some", 60, 1), People("others", 60, 2)});
  if (with_cohort) {
    std::mt19937 random(3);
    std::vector<float> centroids;
    for (int i = 0; i < 30; ++i) {
      const std::vector<float> centroid = RandomUnitVector(kSize, random);
      centroids.insert(centroids.end(), centroid.begin(), centroid.end());
    }
    base.cohort = std::make_shared<const Cohort>(*Cohort::Create(centroids, kSize, {.nearest = 3, .cap = 0.6}));
  }
  const LayeredPairs pairs =
      MeasureLayer(base.synthetic_people->front(), Unchanged(), base.cohort.get(), base.cohort.get());
  for (double rate : {1e-4, 1e-2, 5e-2}) {
    OperatingPoint point{.fmr = rate, .source = "here"};
    point.distance =
        rate == 1e-4 ? pairs.before.impostor.front() * 0.9 : RatesAtFalseMatchRate(pairs.before, rate)->distance;
    point.groups = {{.name = "some", .fmr = rate, .fmr_low = rate / 2, .fmr_high = 2 * rate, .fnmr = 0.02},
                    {.name = "others", .fmr = rate, .fmr_low = rate / 2, .fmr_high = 2 * rate, .fnmr = 0.04}};
    base.operating_points.push_back(point);
  }
  base.calibration =
      Calibration{.offset = 20, .slope = -20, .genuine_pairs = 10, .impostor_pairs = 10, .people = 5, .source = "here"};
  return base;
}

absl::StatusOr<BundleMeasurements> Carry(const BundleManifest& base, const LinearHead& layer,
                                         const LayeredPairs& at_hand, const std::string& source) {
  const absl::StatusOr<MeasurementCarrier> carrier = MeasurementCarrier::Create(base);
  if (!carrier.ok()) return carrier.status();
  return carrier->CarryOver(layer, at_hand, source);
}

TEST(CarriedMeasurementsTest, LeavesEverythingAsItWasWhereTheLayerChangesNothing) {
  const BundleManifest base = Base(/*with_cohort=*/true);
  const absl::StatusOr<BundleMeasurements> carried = Carry(base, Unchanged(), {}, "nobody");
  ASSERT_THAT(carried, IsOk());
  ASSERT_THAT(carried->operating_points, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(carried->operating_points[i].distance, base.operating_points[i].distance, 0.02);
    EXPECT_NEAR(carried->operating_points[i].groups[1].fnmr, 0.04, 0.005);
  }
  EXPECT_NEAR(carried->cohort->cap(), 0.6, 1e-5);
  EXPECT_NEAR(carried->calibration->slope, -20, 1);
}

TEST(CarriedMeasurementsTest, LaysTheThresholdWhereNobodysFalseMatchRateRises) {
  for (bool with_cohort : {false, true}) {
    const BundleManifest base = Base(with_cohort);
    const absl::StatusOr<BundleMeasurements> carried = Carry(base, Stretched(), {}, "nobody");
    ASSERT_THAT(carried, IsOk());
    ASSERT_THAT(carried->operating_points, SizeIs(3));
    for (const SyntheticGroup& group : *base.synthetic_people) {
      const LayeredPairs pairs = MeasureLayer(group, Stretched(), base.cohort.get(), carried->cohort.get());
      for (size_t i = 1; i < 3; ++i) {
        const double before = RatesAtThreshold(pairs.before, base.operating_points[i].distance)->false_match_rate;
        const double after = RatesAtThreshold(pairs.after, carried->operating_points[i].distance)->false_match_rate;
        EXPECT_LE(after, std::max(before, base.operating_points[i].fmr));
      }
    }
    EXPECT_LT(carried->operating_points[0].distance, carried->operating_points[1].distance);
    EXPECT_THAT(carried->operating_points[1].source, HasSubstr("carried over"));
    for (const OperatingPoint& point : carried->operating_points) {
      for (const GroupRates& group : point.groups) {
        EXPECT_LE(group.fmr_low, group.fmr);
        EXPECT_GE(group.fmr_high, group.fmr);
      }
    }
  }
}

TEST(CarriedMeasurementsTest, LowersTheThresholdForThePeopleAtHand) {
  const BundleManifest base = Base(/*with_cohort=*/false);
  LayeredPairs at_hand{{.genuine = {0.1}, .impostor = {1.5, 1.5, 1.5}},
                       {.genuine = {0.1}, .impostor = {0.3, 1.5, 1.5}}};
  const absl::StatusOr<BundleMeasurements> carried = Carry(base, Unchanged(), at_hand, "yours");
  ASSERT_THAT(carried, IsOk());
  for (const OperatingPoint& point : carried->operating_points) EXPECT_LT(point.distance, 0.3);
}

TEST(CarriedMeasurementsTest, MovesTheCohortAndItsCapWithTheLayer) {
  const BundleManifest base = Base(/*with_cohort=*/true);
  const absl::StatusOr<Cohort> carried = CarryCohort(*base.cohort, Stretched());
  ASSERT_THAT(carried, IsOk());
  EXPECT_EQ(carried->centroids(), base.cohort->centroids());
  EXPECT_LT(EuclideanDistance(carried->Centroid(4), Stretched().Apply(base.cohort->Centroid(4))), 1e-5);
  EXPECT_LT(carried->cap(), base.cohort->cap()) << "its points have come closer together";
}

TEST(CarriedMeasurementsTest, ForetellsMoreRejectionsForALowerThreshold) {
  const LayeredPairs pairs = MeasureLayer(People("some", 60, 1), Unchanged(), nullptr, nullptr);
  EXPECT_NEAR(ForetellFalseNonMatchRate(0.02, 1, 1, pairs), 0.02, 1e-6);
  EXPECT_GT(ForetellFalseNonMatchRate(0.02, 1, 0.8, pairs), 0.03);
  EXPECT_LT(ForetellFalseNonMatchRate(0.02, 1, 1.2, pairs), 0.01);
  EXPECT_NEAR(ForetellFalseNonMatchRate(0, 1, 1, pairs), 0, 1e-4);
}

TEST(CarriedMeasurementsTest, FindsSyntheticPeopleInTheDefaultBundleWhoMatchAboutAsOftenAsItsGroups) {
  const absl::StatusOr<std::string> text = ReadBundleManifest(ReadFile(ModelPath("mobilefacenet-192.pt")));
  ASSERT_THAT(text, IsOk());
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(*text);
  ASSERT_THAT(manifest, IsOk());
  ASSERT_NE(manifest->synthetic_people, nullptr);
  for (const SyntheticGroup& group : *manifest->synthetic_people) {
    const absl::StatusOr<PairDistances> distances = DistancesAmong(group, manifest->cohort.get());
    ASSERT_THAT(distances, IsOk());
    for (const OperatingPoint& point : manifest->operating_points) {
      if (point.fmr != 1e-3 && point.fmr != 1e-2) continue;
      const auto measured = std::find_if(point.groups.begin(), point.groups.end(),
                                         [&](const GroupRates& rates) { return rates.name == group.name; });
      ASSERT_NE(measured, point.groups.end());
      const double synthetic = RatesAtThreshold(*distances, point.distance)->false_match_rate;
      std::printf("%-11s at %g: measured %.5f, synthetic %.5f\n", group.name.c_str(), point.fmr, measured->fmr,
                  synthetic);
      EXPECT_GT(synthetic, measured->fmr / 3) << group.name;
      EXPECT_LT(synthetic, measured->fmr * 3) << group.name;
    }
  }
}

TEST(CarriedMeasurementsTest, NeedsMeasuredPointsAndSyntheticPeople) {
  BundleManifest base = Base(/*with_cohort=*/false);
  base.synthetic_people = nullptr;
  EXPECT_THAT(Carry(base, Unchanged(), {}, "").status(),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("calibrate")));
  base = Base(/*with_cohort=*/false);
  base.operating_points.clear();
  EXPECT_FALSE(Carry(base, Unchanged(), {}, "").ok());
}

}  // namespace
}  // namespace likeness
