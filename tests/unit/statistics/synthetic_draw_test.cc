#include "server/statistics/synthetic_draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "server/verification/distance.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr size_t kSize = 16;

// People in two places: those of group 0 differ less from each other than those of group 1.
std::vector<CohortFace> Measured(int people, int photos) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<CohortFace> faces;
  for (uint32_t group = 0; group < 2; ++group) {
    for (int person = 0; person < people; ++person) {
      std::vector<float> face(kSize);
      for (float& number : face) number = normal(random) * (group == 0 ? 0.5F : 1.0F);
      face[group] += 2;
      for (int photo = 0; photo < photos; ++photo) {
        std::vector<float> values = face;
        float squares = 0;
        for (float& value : values) {
          value += 0.3F * normal(random);
          squares += value * value;
        }
        for (float& value : values) value /= std::sqrt(squares);
        faces.push_back({values, static_cast<uint32_t>(person), group, false});
      }
    }
  }
  return faces;
}

// The share of pairs of different people that lie within the distance.
double MatchRate(const std::vector<std::vector<float>>& faces, const std::vector<size_t>& people, double distance) {
  double pairs = 0;
  double matches = 0;
  for (size_t a = 0; a < faces.size(); ++a) {
    for (size_t b = a + 1; b < faces.size(); ++b) {
      if (people[a] == people[b]) continue;
      pairs += 1;
      matches += EuclideanDistance(faces[a], faces[b]) <= distance ? 1 : 0;
    }
  }
  return matches / pairs;
}

TEST(SyntheticDrawTest, MatchesAsOftenAsTheGroupsThatItStandsFor) {
  const std::vector<CohortFace> measured = Measured(60, 3);
  const auto drawn = DrawSyntheticPeople(measured, {"near", "far"}, {.people = 100});
  ASSERT_THAT(drawn, IsOkAndHolds(SizeIs(2)));
  for (uint32_t group = 0; group < 2; ++group) {
    std::vector<std::vector<float>> faces;
    std::vector<size_t> people;
    for (const CohortFace& face : measured) {
      if (face.group != group) continue;
      faces.push_back(face.embedding);
      people.push_back(face.person);
    }
    const SyntheticGroup& synthetic = (*drawn)[group];
    std::vector<size_t> nobody;
    for (size_t face = 0; face < synthetic.faces.size(); ++face) nobody.push_back(synthetic.PersonOf(face));
    const double distance = group == 0 ? 0.7 : 0.9;
    const double real = MatchRate(faces, people, distance);
    ASSERT_GT(real, 0.01);
    EXPECT_NEAR(MatchRate(synthetic.faces, nobody, distance), real, 0.4 * real) << synthetic.name;
  }
}

TEST(SyntheticDrawTest, IsTheSameForTheSameSeedAndNotForAnother) {
  const std::vector<CohortFace> measured = Measured(20, 2);
  const auto first = DrawSyntheticPeople(measured, {"near", "far"}, {.seed = 1});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ((*DrawSyntheticPeople(measured, {"near", "far"}, {.seed = 1}))[1].faces, (*first)[1].faces);
  EXPECT_NE((*DrawSyntheticPeople(measured, {"near", "far"}, {.seed = 2}))[1].faces, (*first)[1].faces);
}

TEST(SyntheticDrawTest, IsWhatABundleHoldsButForRounding) {
  const auto drawn = DrawSyntheticPeople(Measured(20, 2), {"near", "far"}, {.people = 10, .faces_of_person = 2});
  ASSERT_THAT(drawn, IsOk());
  const SyntheticGroup& group = drawn->front();
  const auto read = DecodeSyntheticFaces(group.name, 2, EncodeSyntheticFaces(group), kSize);
  ASSERT_THAT(read, IsOk());
  ASSERT_EQ(read->faces.size(), 20);
  EXPECT_EQ(read->name, "near");
  for (size_t i = 0; i < 20; ++i) EXPECT_LT(EuclideanDistance(read->faces[i], group.faces[i]), 0.02);
  EXPECT_FALSE(DecodeSyntheticFaces("near", 3, EncodeSyntheticFaces(group), kSize).ok()) << "20 faces";
  EXPECT_FALSE(DecodeSyntheticFaces("near", 2, "?", kSize).ok());
}

TEST(SyntheticDrawTest, NeedsTenPeopleAGroupAndSomebodyWithTwoPhotos) {
  EXPECT_THAT(DrawSyntheticPeople(Measured(9, 2), {"near", "far"}, {}),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("'near' has 9 people")));
  EXPECT_THAT(DrawSyntheticPeople(Measured(12, 1), {"near", "far"}, {}),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("two photos")));
}

}  // namespace
}  // namespace likeness
