#include "client/calibration/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/calibration/degraded_copies.h"
#include "tests/support/matchers.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

using testing::HasSubstr;

// Two groups of 150 people with two photos each: of one all over the place, of the other close together.
class CalibrationTest : public testing::Test {
 protected:
  static constexpr uint32_t kPeople = 150;
  static constexpr int kSize = 12;

  CalibrationTest() {
    std::mt19937 random(8);
    comparisons_.every_pair = true;
    comparisons_.people = 2 * kPeople;
    const std::vector<float> corner = RandomUnitVector(kSize, random);
    for (const char* group : {"spread", "crowded"}) {
      const auto begin = static_cast<uint32_t>(comparisons_.photos.size());
      for (uint32_t i = 0; i < kPeople; ++i) {
        const bool crowded = begin > 0;
        const std::vector<float> face =
            crowded ? UnitVectorNear(corner, 0.25F, random) : RandomUnitVector(kSize, random);
        for (int photo = 0; photo < 2; ++photo) Add(begin / 2 + i, UnitVectorNear(face, 0.04F, random));
      }
      comparisons_.groups.push_back({group, begin, static_cast<uint32_t>(comparisons_.photos.size())});
    }
  }

  void Add(uint32_t person, const std::vector<float>& values) {
    const std::string path = absl::StrCat("photo ", comparisons_.photos.size());
    comparisons_.photos.push_back({path, person, path});
    v1::EmbedResponse response;
    response.mutable_embedding()->Assign(values.begin(), values.end());
    for (int i = 0; i < 5; ++i) response.mutable_face()->add_landmarks();
    embeddings_.insert_or_assign(path, response);
  }

  absl::StatusOr<CalibrationResult> CalibrateOn(bool unit_length) const {
    return Calibrate({comparisons_, embeddings_, {}, {}}, unit_length, {}, "made up");
  }

  Comparisons comparisons_;
  PhotoEmbeddings embeddings_;
};

// The largest false match rate of a group over the smallest, at the point of this rate.
double Disparity(const BundleMeasurements& measured, double rate) {
  for (const OperatingPoint& point : measured.operating_points) {
    if (point.fmr != rate) continue;
    const auto [least, most] = std::minmax(point.groups[0].fmr, point.groups[1].fmr);
    return most / std::max(least, 1e-9);
  }
  ADD_FAILURE() << "no point at " << rate;
  return std::numeric_limits<double>::quiet_NaN();
}

TEST_F(CalibrationTest, MakesOneRateHoldForGroupsThatOneThresholdParts) {
  const auto plain = CalibrateOn(/*unit_length=*/false);
  const auto normalized = CalibrateOn(/*unit_length=*/true);
  ASSERT_THAT(plain, IsOk());
  ASSERT_THAT(normalized, IsOk());
  EXPECT_EQ(plain->measurements.cohort, nullptr);
  ASSERT_NE(normalized->measurements.cohort, nullptr);
  const double before = Disparity(plain->measurements, 0.01);
  EXPECT_GT(before, 20) << "strangers close together match far more often";
  EXPECT_LT(Disparity(normalized->measurements, 0.01), before / 4);
}

TEST_F(CalibrationTest, SaysWhyThereIsNoCohort) {
  EXPECT_THAT(CalibrateOn(false)->why_no_cohort, HasSubstr("no unit length"));
  EXPECT_EQ(CalibrateOn(true)->why_no_cohort, "");
  for (auto& [path, response] : embeddings_) {
    if (path.size() > std::string("photo 1").size()) response = absl::InvalidArgumentError("no face");
  }
  EXPECT_THAT(CalibrateOn(true)->why_no_cohort, HasSubstr("too few people"));
}

TEST_F(CalibrationTest, CopiesAsManyPhotosOfEachGroupInEachWay) {
  embeddings_.at("photo 0") = absl::InvalidArgumentError("no face");
  embeddings_.at("photo 1")->mutable_face()->clear_landmarks();
  const std::vector<DegradedCopy> copies = ChooseCopies(comparisons_, embeddings_, 7, /*seed=*/1);
  EXPECT_EQ(copies.size(), 2 * 7 * Degradations().size());
  std::set<size_t> of_first_group;
  for (const DegradedCopy& copy : copies) {
    EXPECT_GT(copy.photo, 1u) << "what was not embedded, or has no landmarks, cannot be copied";
    if (copy.photo < comparisons_.groups[0].end) of_first_group.insert(copy.photo);
  }
  EXPECT_GT(of_first_group.size(), 40u) << "other photos in each way";
}

}  // namespace
}  // namespace likeness
