#include "client/evaluation/measured_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/verification/distance.h"
#include "tests/support/matchers.h"
#include "tests/unit/client/made_up_evaluation.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> DistancesOf(const MeasuredPairs& measured) {
  std::vector<double> distances;
  for (const PeoplePair& pair : measured.pairs.pairs) distances.push_back(pair.distance);
  return distances;
}

TEST(MeasurePairsTest, MeasuresListedPairsInOrder) {
  const auto measured = MeasurePairs(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}});
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(DistancesOf(*measured), ElementsAre(1, 3, 10, 12));
  EXPECT_TRUE(measured->pairs.pairs[1].genuine());
  EXPECT_FALSE(measured->pairs.pairs[2].genuine());
  EXPECT_EQ(measured->threshold.distance(), 2.5);
  EXPECT_THAT(measured->failed_photos, IsEmpty());
  EXPECT_FALSE(measured->calibration.has_value());
}

TEST(MeasurePairsTest, PutsThePairsOfAFailedPhotoWhereTheyAreAlwaysWrong) {
  const auto measured = MeasurePairs(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", NoFace()}});
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(DistancesOf(*measured), ElementsAre(1, kInfinity, 10, -kInfinity));
  ASSERT_EQ(measured->failed_photos.size(), 1u);
  EXPECT_EQ(measured->failed_photos[0].photo, "b/2");
  EXPECT_EQ(measured->failed_photos[0].reason, "INVALID_ARGUMENT");
}

// In blocks of rows, and still each pair at its place.
TEST(MeasurePairsTest, MeasuresEveryPairOfManyPhotosInOrder) {
  PhotoFolder folder;
  PhotoEmbeddings embeddings;
  for (int photo = 0; photo < 101; ++photo) {
    const std::string person = absl::StrCat("p", 100 + photo / 2);
    const std::string path = absl::StrCat(person, "/", photo % 2);
    folder.photos.push_back({person, path});
    embeddings.emplace(path, At(static_cast<float>(photo * photo)));
  }
  const Comparisons comparisons = *CompareAll(folder, {});
  const auto measured = MeasurePairs(comparisons, embeddings);
  ASSERT_THAT(measured, IsOk());
  ASSERT_EQ(measured->pairs.pairs.size(), 101u * 100 / 2);
  auto pair = measured->pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    ASSERT_EQ(pair->distance, b * b - a * a) << a << ", " << b;
    ASSERT_EQ(pair->person_a, a / 2);
    ASSERT_EQ(pair->person_b, b / 2);
    ++pair;
  });
}

TEST(MeasurePairsTest, TellsTheQualityOfEachPhotoWhereAllFacesHaveOne) {
  PhotoEmbeddings embeddings = {{"a/1", At(0, 0.5f)}, {"a/2", At(1, 0.25f)}, {"b/1", At(10, 1)}, {"b/2", NoFace()}};
  EXPECT_THAT(MeasurePairs(TwoPeople(), embeddings)->quality, ElementsAre(0.5, 0.25, 1, 0));
  embeddings.at("a/1") = At(0);
  EXPECT_THAT(MeasurePairs(TwoPeople(), embeddings)->quality, IsEmpty());
}

TEST(MeasurePairsTest, RefusesWhereNoPhotoWorked) {
  EXPECT_THAT(MeasurePairs(TwoPeople(), {{"a/1", NoFace()}, {"a/2", NoFace()}, {"b/1", NoFace()}, {"b/2", NoFace()}}),
              HasStatus(absl::StatusCode::kFailedPrecondition,
                        HasSubstr("none of 4 photos could be embedded; the first: INVALID_ARGUMENT: no face")));
}

TEST(MeasurePairsTest, RefusesToCompareEmbeddingsOfDifferentModels) {
  v1::EmbedResponse other = At(13);
  other.mutable_model()->set_digest("other digest");
  EXPECT_EQ(
      MeasurePairs(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", other}}).status().code(),
      absl::StatusCode::kAborted);
}

}  // namespace
}  // namespace likeness
