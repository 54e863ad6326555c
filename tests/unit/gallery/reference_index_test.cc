#include "server/gallery/reference_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/verification/cohort.h"
#include "server/verification/distance.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

class ReferenceIndexTest : public testing::Test {
 protected:
  ReferenceIndexTest() { index_.Reset(ModelNamed(1)); }

  void Add(const std::string& person_id, const std::vector<float>& values) {
    index_.Add({index_.last_number() + 1, person_id, "", values});
  }

  // Who is nearest; empty for nobody.
  std::string Nearest(const std::vector<float>& probe, const std::string& except = "") const {
    const auto nearest = index_.FindNearest(probe, except);
    return nearest.has_value() ? nearest->person_id : "";
  }

  ReferenceIndex index_;
};

TEST_F(ReferenceIndexTest, FindsWhoIsNearestAndHowFar) {
  Add("ada", {0, 0});
  Add("bob", {3, 4});
  const auto nearest = index_.FindNearest(std::vector<float>{3, 3}, "");
  ASSERT_TRUE(nearest.has_value());
  EXPECT_EQ(nearest->person_id, "bob");
  EXPECT_DOUBLE_EQ(nearest->distance, 1);
}

// By normalized distance the farther one is the nearer: its place is less crowded.
TEST_F(ReferenceIndexTest, HoldsCrowdingAgainstAReference) {
  const absl::StatusOr<Cohort> cohort = Cohort::Create({1, 0}, 2, {.nearest = 1, .cap = 1.5});
  ASSERT_TRUE(cohort.ok());
  Add("crowded", {0.8F, 0.6F});
  Add("alone", {0, 1});
  const std::vector<float> probe = {0.5F, 0.87F};
  EXPECT_EQ(index_.FindNearest(probe, "")->person_id, "crowded") << "by plain distance";
  const auto nearest = index_.FindNearest(probe, "", &*cohort);
  ASSERT_TRUE(nearest.has_value());
  EXPECT_EQ(nearest->person_id, "alone");
  EXPECT_NEAR(nearest->distance, 0.5166, 1e-4);
  EXPECT_NEAR(*nearest->crowding, std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(*index_.FindNearest(probe, "alone", &*cohort)->crowding, std::sqrt(0.4), 1e-6);
}

// What is measured once it matters is what would be measured of everybody at once.
TEST_F(ReferenceIndexTest, FindsTheNearestByNormalizedDistanceAmongMany) {
  std::mt19937 random(7);
  const auto direction = [&random] {
    std::normal_distribution<float> normal;
    std::vector<float> values = {normal(random), normal(random), normal(random)};
    const float length = std::hypot(values[0], values[1], values[2]);
    for (float& value : values) value /= length;
    return values;
  };
  std::vector<float> centroids;
  for (int i = 0; i < 20; ++i) absl::c_copy(direction(), std::back_inserter(centroids));
  const absl::StatusOr<Cohort> cohort = Cohort::Create(centroids, 3, {.nearest = 3, .cap = 0.8});
  ASSERT_TRUE(cohort.ok());
  std::vector<std::vector<float>> references;
  for (int i = 0; i < 3000; ++i) {
    references.push_back(direction());
    Add(absl::StrCat(i), references.back());
  }
  for (int search = 0; search < 50; ++search) {
    const std::vector<float> probe = direction();
    double least = 9;
    for (const std::vector<float>& reference : references) {
      least = std::min(least, EuclideanDistance(probe, reference) - cohort->Crowding(reference) / 2);
    }
    EXPECT_NEAR(index_.FindNearest(probe, "", &*cohort)->rank(), least, 1e-6) << search;
  }
}

TEST_F(ReferenceIndexTest, PassesOverThePersonWhoIsToBeEnrolled) {
  Add("ada", {0, 0});
  EXPECT_EQ(Nearest({0, 0}, "ada"), "");
  Add("bob", {3, 4});
  EXPECT_EQ(Nearest({0, 0}, "ada"), "bob");
}

TEST_F(ReferenceIndexTest, ForgetsWhatIsRemoved) {
  Add("ada", {0, 0});
  Add("bob", {5, 5});
  Add("ada", {9, 9});
  index_.Remove(PersonKeyOf("ada"), 1, 1);
  EXPECT_EQ(Nearest({0, 0}), "bob");
  EXPECT_EQ(Nearest({9, 9}), "ada");
  index_.Remove(PersonKeyOf("ada"));
  EXPECT_EQ(Nearest({9, 9}), "bob");
  index_.Remove(PersonKeyOf("bob"));
  EXPECT_EQ(Nearest({9, 9}), "");
  EXPECT_EQ(index_.size(), 0);
  EXPECT_EQ(index_.last_number(), 3) << "so that none of them is asked for again";
}

TEST_F(ReferenceIndexTest, RemovesOnlyThePersonsOwn) {
  Add("ada", {0, 0});
  index_.Remove(PersonKeyOf("bob"), 1, 1);
  EXPECT_EQ(Nearest({0, 0}), "ada");
}

TEST_F(ReferenceIndexTest, KeepsOfAPersonWhatWasAddedAfterTheRemoval) {
  Add("ada", {0, 0});
  Add("ada", {1, 0});
  Add("ada", {2, 0});
  EXPECT_EQ(index_.FirstNumberOf(PersonKeyOf("ada")), 1);
  index_.Remove(PersonKeyOf("ada"), 0, 2);
  EXPECT_EQ(index_.size(), 1);
  EXPECT_EQ(index_.FirstNumberOf(PersonKeyOf("ada")), 3);
  EXPECT_EQ(index_.FindNearest(std::vector<float>{0, 0}, "")->distance, 2);
  index_.Remove(PersonKeyOf("ada"), 0, 3);
  EXPECT_EQ(index_.FirstNumberOf(PersonKeyOf("ada")), std::nullopt);
}

TEST_F(ReferenceIndexTest, PassesOverWhatItHoldsWhenItGoesBack) {
  Add("ada", {0, 0});
  Add("bob", {5, 5});
  index_.GoBackTo(0);
  EXPECT_EQ(index_.last_number(), 0);
  index_.Add({1, "ada", "", {0, 0}});
  index_.Add({2, "bob", "", {5, 5}});
  EXPECT_EQ(index_.size(), 2);
  EXPECT_EQ(index_.last_number(), 2);
  index_.GoBackTo(7);
  EXPECT_EQ(index_.last_number(), 2) << "there is nothing above it";
}

TEST_F(ReferenceIndexTest, NeverNamesADamagedReference) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Add("damaged", {});
  Add("nan", {nan, 0});
  Add("longer", {0, 0, 0});
  EXPECT_EQ(Nearest({0, 0}), "");
  EXPECT_EQ(index_.last_number(), 3);
  Add("ada", {7, 7});
  EXPECT_EQ(Nearest({0, 0}), "ada");
  EXPECT_EQ(Nearest({nan, 0}), "");
  EXPECT_EQ(Nearest({0, 0, 0}), "");
}

TEST_F(ReferenceIndexTest, BeginsAnewForAnotherModel) {
  Add("ada", {0, 0});
  index_.Reset(ModelNamed(2));
  EXPECT_EQ(index_.model(), ModelNamed(2));
  EXPECT_EQ(index_.last_number(), 0);
  EXPECT_EQ(Nearest({0, 0}), "");
  Add("bob", {1, 2, 3});
  EXPECT_EQ(Nearest({0, 0, 0}), "bob");
}

TEST_F(ReferenceIndexTest, AgreesWithComparingOneByOne) {
  constexpr int kPeople = 1100;    // more than a block
  constexpr size_t kNumbers = 37;  // no multiple of what a processor takes at once
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto draw = [&] {
    std::vector<float> values(kNumbers);
    for (float& value : values) value = normal(random);
    return values;
  };
  std::vector<std::pair<std::string, std::vector<float>>> people;
  for (int person = 0; person < kPeople; ++person) {
    people.emplace_back(absl::StrCat("person ", person), draw());
    Add(people.back().first, people.back().second);
  }
  while (people.size() > 1) {
    const std::vector<float> probe = draw();
    size_t nearest = 0;
    for (size_t i = 1; i < people.size(); ++i) {
      if (EuclideanDistance(probe, people[i].second) < EuclideanDistance(probe, people[nearest].second)) nearest = i;
    }
    const auto found = index_.FindNearest(probe, "");
    ASSERT_TRUE(found.has_value());
    EXPECT_NEAR(found->distance, EuclideanDistance(probe, people[nearest].second), 1e-6);
    index_.Remove(PersonKeyOf(people[nearest].first));
    people.erase(people.begin() + static_cast<std::ptrdiff_t>(nearest));
  }
}

}  // namespace
}  // namespace likeness
