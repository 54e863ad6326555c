#include "server/statistics/bundle_measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

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

// The same distances, all nearer by so much.
PeoplePairs Nearer(double by) {
  PeoplePairs pairs = MadeUp();
  for (PeoplePair& pair : pairs.pairs) pair.distance -= by;
  return pairs;
}

TEST(BundleMeasurementsTest, KeepEveryRateInTheGroupThatMatchesMost) {
  const absl::StatusOr<BundleMeasurements> alone = MeasureForBundle({{"", Nearer(0.1)}}, "made up", 1);
  const absl::StatusOr<BundleMeasurements> both =
      MeasureForBundle({{"easy", MadeUp()}, {"hard", Nearer(0.1)}}, "made up", 1);
  ASSERT_THAT(alone, IsOk());
  ASSERT_THAT(both, IsOk());
  for (const OperatingPoint& point : both->operating_points) {
    const auto same = std::find_if(alone->operating_points.begin(), alone->operating_points.end(),
                                   [&](const OperatingPoint& other) { return other.fmr == point.fmr; });
    if (same != alone->operating_points.end()) {
      EXPECT_EQ(point.distance, same->distance) << point.fmr;
    }
    ASSERT_EQ(point.groups.size(), 2u);
    EXPECT_EQ(point.groups[0].name, "easy");
    EXPECT_EQ(WorstGroup(point)->name, "hard");
    EXPECT_LT(point.groups[0].fmr, point.groups[1].fmr);
    EXPECT_LE(point.groups[1].fmr, point.fmr);
    EXPECT_EQ(point.groups[1].impostor_pairs, 11025);
    EXPECT_EQ(point.impostor_pairs, 2 * 11025) << "of all groups";
    EXPECT_EQ(point.people, 50) << "both groups show the same people";
    EXPECT_LE(point.fmr_low, point.fmr);
    EXPECT_GE(point.fmr_high, point.fmr);
  }
}

TEST(BundleMeasurementsTest, GoNoLowerThanTheSmallestGroupCanShow) {
  // Ten people with one photo each have 45 impostor pairs.
  std::vector<uint32_t> ten(10);
  std::iota(ten.begin(), ten.end(), 0U);
  PeoplePairs few = AllPairs(ten, 10);
  for (PeoplePair& pair : few.pairs) pair.distance = 1.3 + 0.001 * static_cast<double>(&pair - few.pairs.data());
  few.pairs.push_back({0.5, 0, 0});
  const absl::StatusOr<BundleMeasurements> measured =
      MeasureForBundle({{"many", MadeUp()}, {"few", few}}, "made up", 1);
  ASSERT_THAT(measured, IsOk());
  ASSERT_FALSE(measured->operating_points.empty());
  EXPECT_EQ(measured->operating_points.front().fmr, 0.05) << "1 of 45 pairs is more than 0.02";
}

TEST(BundleMeasurementsTest, AreReadAsTheyWereWritten) {
  absl::StatusOr<BundleMeasurements> measured =
      MeasureForBundle({{"easy", MadeUp()}, {"hard", Nearer(0.1)}}, "made up", 1);
  ASSERT_THAT(measured, IsOk());
  const absl::StatusOr<Cohort> cohort = Cohort::Create(
      {1, 0, 0, 1}, 2, {.nearest = 1, .cap = 1.1, .people_in_centroid = 5, .sources = {{"easy", 20, 30}}});
  ASSERT_THAT(cohort, IsOk());
  measured->cohort = std::make_shared<const Cohort>(*cohort);
  nlohmann::ordered_json manifest;
  WriteMeasurements(*measured, manifest);
  EXPECT_EQ(manifest["operating_points"][0]["groups"][1]["name"], "hard");
  EXPECT_EQ(manifest["cohort"]["nearest"], 1);
  EXPECT_EQ(manifest["cohort"]["cap"], 1.1);
  EXPECT_EQ(manifest["cohort"]["people_in_centroid"], 5);
  EXPECT_EQ(manifest["cohort"]["sources"][0],
            (nlohmann::ordered_json{{"name", "easy"}, {"people", 20}, {"faces", 30}}));
  EXPECT_THAT(DecodeDirections(manifest["cohort"]["centroids"], 2), IsOkAndHolds(testing::ElementsAre(127, 0, 0, 127)));
}

TEST(BundleMeasurementsTest, SayNothingOfAHandfulOfPairs) {
  const absl::StatusOr<BundleMeasurements> measured =
      MeasureForBundle({{"", {.pairs = {{0.5, 0, 0}, {1.5, 0, 1}}, .people = 2}}}, "too few", 1);
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(measured->operating_points, IsEmpty());
  EXPECT_FALSE(measured->calibration.has_value());
}

}  // namespace
}  // namespace likeness
