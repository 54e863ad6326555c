#include "server/statistics/cohort_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/support/matchers.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

constexpr size_t kSize = 16;

// People all over the place, and people of a second group who lie close together; three photos of each.
std::vector<CohortFace> TwoGroups(uint32_t people_of_group) {
  std::mt19937 random(5);
  const std::vector<float> corner = RandomUnitVector(kSize, random);
  std::vector<CohortFace> faces;
  for (uint32_t person = 0; person < 2 * people_of_group; ++person) {
    const uint32_t group = person < people_of_group ? 0 : 1;
    const std::vector<float> center =
        group == 0 ? RandomUnitVector(kSize, random) : UnitVectorNear(corner, 0.12F, random);
    for (int photo = 0; photo < 3; ++photo)
      faces.push_back({UnitVectorNear(center, 0.05F, random), person, group, false});
  }
  return faces;
}

const std::vector<std::string> kGroups = {"everywhere", "close together"};

TEST(CohortBuilderTest, FindsThosePeopleCrowdedWhoLieCloseTogether) {
  const std::vector<CohortFace> faces = TwoGroups(100);
  const absl::StatusOr<BuiltCohort> built = BuildCohort(faces, kGroups, {});
  ASSERT_THAT(built, IsOk());
  double sums[2] = {0, 0};
  for (size_t i = 0; i < faces.size(); ++i) {
    EXPECT_LE(built->crowding[i], built->cohort.cap());
    EXPECT_GT(built->crowding[i], 0);
    sums[faces[i].group] += built->crowding[i];
  }
  EXPECT_LT(sums[1], 0.8 * sums[0]);
}

TEST(CohortBuilderTest, SaysWhoseFacesItIsMadeOf) {
  std::vector<CohortFace> faces = TwoGroups(100);
  faces.push_back({faces[0].embedding, faces[0].person, 0, /*degraded=*/true});
  const absl::StatusOr<BuiltCohort> built = BuildCohort(faces, kGroups, {.faces_of_group = 200});
  ASSERT_THAT(built, IsOk());
  const CohortDescription& description = built->cohort.description();
  EXPECT_EQ(description.nearest, CohortOptions{}.nearest);
  EXPECT_EQ(description.people_in_centroid, 5);
  ASSERT_EQ(description.sources.size(), 2u);
  EXPECT_EQ(description.sources[0].name, "everywhere");
  EXPECT_EQ(description.sources[0].faces, 201) << "those drawn, and the copy";
  EXPECT_EQ(description.sources[1].faces, 200);
  EXPECT_LE(description.sources[1].people, 100);
}

// A face's own person would make its place look crowded, where a stranger's would not be.
TEST(CohortBuilderTest, MeasuresAFaceAsIfItsPersonWereNotInTheCohort) {
  const std::vector<CohortFace> faces = TwoGroups(100);
  const absl::StatusOr<BuiltCohort> built = BuildCohort(faces, kGroups, {});
  ASSERT_THAT(built, IsOk());
  double own = 0;
  double strangers = 0;
  for (size_t i = 0; i < faces.size(); ++i) {
    own += built->cohort.Crowding(faces[i].embedding);
    strangers += built->crowding[i];
  }
  EXPECT_LT(own, strangers);
}

TEST(CohortBuilderTest, MakesNoCentroidOfFewerThanFivePeople) {
  // A person alone in a place, with many photos: they would be a centroid of their own.
  std::vector<CohortFace> faces = TwoGroups(100);
  std::mt19937 random(9);
  const std::vector<float> place = RandomUnitVector(kSize, random);
  for (int photo = 0; photo < 60; ++photo) faces.push_back({UnitVectorNear(place, 0.01F, random), 200, 0, false});
  const absl::StatusOr<BuiltCohort> built = BuildCohort(faces, kGroups, {.faces_of_group = 400});
  ASSERT_THAT(built, IsOk());
  for (size_t i = 0; i < built->cohort.centroids(); ++i) {
    double cosine = 0;
    for (size_t k = 0; k < kSize; ++k) cosine += static_cast<double>(built->cohort.Centroid(i)[k]) * place[k];
    EXPECT_LT(cosine, 0.99) << "nobody's template";
  }
}

TEST(CohortBuilderTest, MakesTheSameCohortOfTheSameSeed) {
  const std::vector<CohortFace> faces = TwoGroups(60);
  const absl::StatusOr<BuiltCohort> one = BuildCohort(faces, kGroups, {.seed = 1});
  const absl::StatusOr<BuiltCohort> same = BuildCohort(faces, kGroups, {.seed = 1});
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(same, IsOk());
  EXPECT_EQ(one->crowding, same->crowding);
  EXPECT_EQ(one->cohort.cap(), same->cohort.cap());
}

TEST(CohortBuilderTest, RefusesTooFewPeople) {
  EXPECT_EQ(BuildCohort(TwoGroups(8), kGroups, {}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(BuildCohort({}, kGroups, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace likeness
