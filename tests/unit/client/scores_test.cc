#include "client/evaluation/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/unit/client/made_up_evaluation.h"

namespace likeness {
namespace {

using testing::IsEmpty;

absl::StatusOr<Scores> Score(const Comparisons& comparisons, const PhotoEmbeddings& embeddings) {
  const absl::StatusOr<MeasuredPairs> measured = MeasurePairs(comparisons, embeddings);
  if (!measured.ok()) return measured.status();
  return ScorePairs(comparisons, *measured);
}

TEST(ScorePairsTest, ScoresPairsThatAllWorked) {
  // Genuine distances 1 and 3, impostor distances 10 and 12.
  const auto scores = Score(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_EQ(scores->photos, 4);
  EXPECT_THAT(scores->failed_photos, IsEmpty());
  EXPECT_EQ(scores->figures.genuine_pairs, 2);
  EXPECT_EQ(scores->figures.impostor_pairs, 2);
  ASSERT_TRUE(scores->accuracy.has_value());
  EXPECT_EQ(scores->accuracy->best.accuracy, 1);
  EXPECT_EQ(scores->accuracy->best.threshold, 6.5);
  EXPECT_LE(scores->accuracy->best_interval.low, 1);
  EXPECT_FALSE(scores->accuracy->cross_validated.has_value());
  EXPECT_EQ(scores->figures.thresholds[0].accuracy.value, 0.75);
  EXPECT_EQ(scores->figures.thresholds[0].distance, 2.5);
  EXPECT_EQ(scores->figures.equal_error_rate->value, 0);
  EXPECT_EQ(scores->figures.area_under_roc->value, 1);
  EXPECT_THAT(scores->figures.targets, IsEmpty()) << "two impostor pairs show no rate";
  EXPECT_FALSE(scores->figures.cllr.has_value());
  EXPECT_FALSE(scores->rejection.has_value());
}

TEST(ScorePairsTest, CountsAFailedPhotoAgainstTheScore) {
  const auto scores = Score(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", NoFace()}});
  ASSERT_THAT(scores, IsOk());
  ASSERT_EQ(scores->failed_photos.size(), 1u);
  EXPECT_EQ(scores->figures.failed_genuine_pairs, 1);
  EXPECT_EQ(scores->figures.failed_impostor_pairs, 1);
  // Both pairs with b/2 are wrong at every threshold, the genuine and the impostor one.
  EXPECT_EQ(scores->accuracy->best.accuracy, 0.5);
  EXPECT_EQ(scores->figures.thresholds[0].accuracy.value, 0.5);
  EXPECT_EQ(scores->figures.thresholds[0].false_non_match_rate.value, 0.5);
  EXPECT_EQ(scores->figures.equal_error_rate->value, 0.5);
}

TEST(ScorePairsTest, CrossValidatesWhereThereAreFolds) {
  const Comparisons folds =
      *CompareListed({{{"a/1", "a/2", true}, {"a/1", "b/1", false}}, {{"b/1", "b/2", true}, {"a/2", "b/2", false}}});
  const auto scores = Score(folds, {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}});
  ASSERT_THAT(scores, IsOk());
  ASSERT_TRUE(scores->accuracy->cross_validated.has_value());
  EXPECT_EQ(scores->accuracy->cross_validated->folds.size(), 2u);
  EXPECT_EQ(scores->accuracy->cross_validated->mean, 1);
}

TEST(ScorePairsTest, HasNoAccuracyWhereEveryPhotoIsComparedWithEveryOther) {
  const Comparisons all = *CompareAll({{{"a", "a/1"}, {"a", "a/2"}, {"b", "b/1"}}, 2, 0}, {});
  const auto scores = Score(all, {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_FALSE(scores->accuracy.has_value());
  EXPECT_EQ(scores->figures.genuine_pairs, 1);
  EXPECT_EQ(scores->figures.impostor_pairs, 2);
}

TEST(ScorePairsTest, HoldsTheModelsCalibrationAgainstTheBestOne) {
  PhotoEmbeddings embeddings = {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}};
  for (auto& [path, response] : embeddings) {
    v1::Calibration& calibration = *response->mutable_calibration();
    calibration.set_offset(6);
    calibration.set_slope(-1);
    calibration.set_genuine_pairs(1000);
    calibration.set_impostor_pairs(1000);
  }
  const auto scores = Score(TwoPeople(), embeddings);
  ASSERT_THAT(scores, IsOk());
  EXPECT_EQ(scores->figures.min_cllr->value, 0);
  EXPECT_GT(scores->figures.cllr->value, 0);
  EXPECT_LT(scores->figures.cllr->value, 0.1);
}

}  // namespace
}  // namespace likeness
