#include "client/evaluation/measured_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/verification/decision.h"
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
  EXPECT_EQ(BaseDistance(measured->threshold), 2.5);
  EXPECT_THAT(measured->crowding, IsEmpty());
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

// As Decide() does in the server: a pair matches where its normalized distance is at most the base threshold.
TEST(MeasurePairsTest, MeasuresNormalizedDistancesWhereTheModelHasACohort) {
  const Comparisons comparisons = TwoPeople();
  const auto measured = MeasurePairs(
      comparisons,
      {{"a/1", InACrowd(0, 0.5)}, {"a/2", InACrowd(1, 1)}, {"b/1", InACrowd(2, 0.25)}, {"b/2", InACrowd(4, 0.75)}});
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(DistancesOf(*measured), ElementsAre(1.25, 2.5, 2.625, 3.125));
  EXPECT_THAT(measured->crowding, ElementsAre(0.5, 1, 0.25, 0.75)) << "in the order of the photos";
  Threshold base;
  base.distance = BaseDistance(measured->threshold).value();
  auto pair = measured->pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    const PairCrowding crowding = {measured->crowding[a], measured->crowding[b], 1};
    const double plain = PlainDistance(*measured, a, b, pair->distance);
    const Decision decision = Decide(plain, base, crowding);
    EXPECT_EQ(decision.normalized_distance, pair->distance);
    EXPECT_EQ(decision.same_person, pair->distance <= 2.5);
    ++pair;
  });
  EXPECT_EQ(PlainDistance(*measured, 0, 2, 2.625), 2);
}

TEST(MeasurePairsTest, LeavesThePairsOfAFailedPhotoWithoutADistanceInACohortToo) {
  const auto measured = MeasurePairs(
      TwoPeople(), {{"a/1", InACrowd(0, 0.5)}, {"a/2", InACrowd(1, 1)}, {"b/1", InACrowd(2, 1)}, {"b/2", NoFace()}});
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(DistancesOf(*measured), ElementsAre(1.25, kInfinity, 2.25, -kInfinity));
  EXPECT_EQ(PlainDistance(*measured, 1, 3, -kInfinity), -kInfinity);
}

TEST(MeasurePairsTest, HoldsPairsAgainstTheOnlyDistanceOfAServerWithoutABase) {
  v1::Threshold threshold;
  threshold.set_distance(1.25);
  EXPECT_EQ(BaseDistance(threshold), 1.25);
  threshold.set_base_distance(1.5);
  EXPECT_EQ(BaseDistance(threshold), 1.5);
}

TEST(MeasurePairsTest, HoldsPairsAgainstNothingWhereTheServersModelWasNotMeasured) {
  v1::Threshold threshold;
  threshold.set_distance(-1);
  threshold.set_base_distance(-1);
  threshold.set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
  EXPECT_EQ(BaseDistance(threshold), std::nullopt);
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

TEST(MeasurePairsTest, MeasuresEveryPairWithinEachGroupInOrder) {
  std::vector<PhotoGroup> groups(2);
  PhotoEmbeddings embeddings;
  for (int photo = 0; photo < 77; ++photo) {
    const std::string person = absl::StrCat("p", 100 + photo / 2);
    const std::string path = absl::StrCat(person, "/", photo % 2);
    groups[photo < 40 ? 0 : 1].photos.push_back({person, path});
    embeddings.emplace(path, At(static_cast<float>(photo * photo)));
  }
  const Comparisons comparisons = *CompareGroups(groups, {});
  const auto measured = MeasurePairs(comparisons, embeddings);
  ASSERT_THAT(measured, IsOk());
  ASSERT_EQ(measured->pairs.pairs.size(), 40u * 39 / 2 + 37 * 36 / 2);
  auto pair = measured->pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    ASSERT_EQ(a < 40, b < 40);
    ASSERT_EQ(pair->distance, b * b - a * a) << a << ", " << b;
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
