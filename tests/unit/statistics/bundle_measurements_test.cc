#include "server/statistics/bundle_measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::IsEmpty;

// 50 people with three photos: 11,025 impostor pairs.
PeoplePairs MadeUp() {
  std::mt19937 random(4);
  std::normal_distribution<double> near(0.8, 0.15);
  std::normal_distribution<double> far(1.4, 0.15);
  std::vector<uint32_t> person_of;
  for (uint32_t photo = 0; photo < 150; ++photo) person_of.push_back(photo / 3);
  PeoplePairs pairs = AllPairs(person_of, 50);
  for (PeoplePair& pair : pairs.pairs) pair.distance = std::abs(pair.genuine() ? near(random) : far(random));
  return pairs;
}

TEST(BundleMeasurementsTest, GoDownToTheLowestRateAtWhichTenFalseMatchesAreExpected) {
  const absl::StatusOr<BundleMeasurements> measured = MeasureForBundle({{"", MadeUp()}}, "made up", 1);
  ASSERT_THAT(measured, IsOk());
  std::vector<double> rates;
  for (const OperatingPoint& point : measured->operating_points) {
    rates.push_back(point.fmr);
    EXPECT_LE(point.fmr_low, point.fmr);
    EXPECT_GE(point.fmr_high, point.fmr);
    EXPECT_EQ(point.impostor_pairs, 11025);
    EXPECT_EQ(point.people, 50);
    EXPECT_THAT(MeasuredThreshold(measured->operating_points, point.fmr), IsOk()) << "it is supported";
  }
  EXPECT_THAT(rates, testing::ElementsAre(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1));
}

TEST(BundleMeasurementsTest, AreWrittenAsTheManifestWantsThem) {
  absl::StatusOr<BundleMeasurements> measured = MeasureForBundle({{"", MadeUp()}}, "made up", 1);
  ASSERT_THAT(measured, IsOk());
  nlohmann::ordered_json manifest = {{"name", "kept"}, {"operating_points", "replaced"}, {"calibration", nullptr}};
  WriteMeasurements(*measured, manifest);
  EXPECT_EQ(manifest["name"], "kept");
  EXPECT_EQ(manifest["operating_points"].size(), 7u);
  EXPECT_EQ(manifest["operating_points"][0]["fmr"], 0.001);
  EXPECT_EQ(manifest["operating_points"][0]["source"], "made up");
  EXPECT_LT(manifest["calibration"]["slope"], 0);
  EXPECT_EQ(manifest["calibration"]["genuine_pairs"], 150);
  WriteMeasurements({}, manifest);
  EXPECT_THAT(manifest["operating_points"], IsEmpty());
  EXPECT_TRUE(manifest["calibration"].is_null());
}

TEST(BundleMeasurementsTest, SayNothingOfAHandfulOfPairs) {
  const absl::StatusOr<BundleMeasurements> measured =
      MeasureForBundle({.pairs = {{0.5, 0, 0}, {1.5, 0, 1}}, .people = 2}, "too few", 1);
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(measured->operating_points, IsEmpty());
  EXPECT_FALSE(measured->calibration.has_value());
}

}  // namespace
}  // namespace likeness
