#include "client/evaluation/scores.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

// An embedding on a line, so that distances are differences.
v1::EmbedResponse At(float position) {
  v1::EmbedResponse response;
  response.add_embedding(position);
  response.mutable_model()->set_digest("digest");
  response.mutable_threshold()->set_distance(2.5);
  return response;
}

const absl::Status kFailed = absl::InvalidArgumentError("no face");

// Photos a1 and a2 show one person, b1 and b2 another.
const PairFolds kPairs = {{{"a1", "a2", true}, {"b1", "b2", true}, {"a1", "b1", false}, {"a2", "b2", false}}};

TEST(ScorePairsTest, ScoresPairsThatAllWorked) {
  // Genuine distances 1 and 3, impostor distances 10 and 12.
  const PhotoEmbeddings embeddings = {{"a1", At(0)}, {"a2", At(1)}, {"b1", At(10)}, {"b2", At(13)}};
  const absl::StatusOr<Scores> scores = ScorePairs(kPairs, embeddings);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(scores->photos, 4);
  EXPECT_TRUE(scores->failed_photos.empty());
  EXPECT_EQ(scores->genuine_pairs, 2);
  EXPECT_EQ(scores->impostor_pairs, 2);
  EXPECT_EQ(scores->best.accuracy, 1);
  EXPECT_EQ(scores->best.threshold, 6.5);
  EXPECT_EQ(scores->at_server_threshold.accuracy, 0.75);
  EXPECT_EQ(scores->at_server_threshold.threshold, 2.5);
  EXPECT_EQ(scores->equal_error_rate, 0);
  EXPECT_EQ(scores->area_under_roc, 1);
  ASSERT_EQ(scores->tar.size(), 2u);
  EXPECT_EQ(scores->tar[0].target, 1e-2);
  EXPECT_EQ(scores->tar[0].rates->false_non_match_rate, 0);
  EXPECT_FALSE(scores->cross_validated.has_value());
}

TEST(ScorePairsTest, CountsAFailedPhotoAgainstTheScore) {
  const PhotoEmbeddings embeddings = {{"a1", At(0)}, {"a2", At(1)}, {"b1", At(10)}, {"b2", kFailed}};
  const absl::StatusOr<Scores> scores = ScorePairs(kPairs, embeddings);
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->failed_photos.size(), 1u);
  EXPECT_EQ(scores->failed_photos[0].photo, "b2");
  EXPECT_EQ(scores->failed_photos[0].reason, "INVALID_ARGUMENT");
  EXPECT_EQ(scores->failed_genuine_pairs, 1);
  EXPECT_EQ(scores->failed_impostor_pairs, 1);
  // Both pairs with b2 are wrong at every threshold, the genuine and the impostor one.
  EXPECT_EQ(scores->best.accuracy, 0.5);
  EXPECT_EQ(scores->at_server_threshold.accuracy, 0.5);
  // One of two genuine pairs is never verified; the one impostor pair that was compared is at 10.
  EXPECT_EQ(scores->tar[0].rates->false_non_match_rate, 0.5);
  EXPECT_EQ(scores->tar[0].rates->impostor_pairs, 1);
  EXPECT_LT(scores->tar[0].rates->distance, 10);
  EXPECT_EQ(scores->equal_error_rate, 0.5);
}

TEST(ScorePairsTest, LeavesRatesOutWhereNoImpostorPairWasCompared) {
  const PhotoEmbeddings embeddings = {{"a1", At(0)}, {"a2", At(1)}, {"b1", kFailed}, {"b2", kFailed}};
  const absl::StatusOr<Scores> scores = ScorePairs(kPairs, embeddings);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(scores->best.accuracy, 0.25);
  EXPECT_FALSE(scores->equal_error_rate.has_value());
  EXPECT_FALSE(scores->area_under_roc.has_value());
  EXPECT_FALSE(scores->tar[0].rates.has_value());
}

TEST(ScorePairsTest, CrossValidatesWhereThereAreFolds) {
  const PairFolds folds = {{{"a1", "a2", true}, {"a1", "b1", false}}, {{"b1", "b2", true}, {"a2", "b2", false}}};
  const PhotoEmbeddings embeddings = {{"a1", At(0)}, {"a2", At(1)}, {"b1", At(10)}, {"b2", At(13)}};
  const absl::StatusOr<Scores> scores = ScorePairs(folds, embeddings);
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_TRUE(scores->cross_validated.has_value());
  EXPECT_EQ(scores->cross_validated->folds.size(), 2u);
  EXPECT_EQ(scores->cross_validated->mean, 1);
}

TEST(ScorePairsTest, RefusesWhereNoPhotoWorked) {
  const PhotoEmbeddings embeddings = {{"a1", kFailed}, {"a2", kFailed}, {"b1", kFailed}, {"b2", kFailed}};
  const absl::Status status = ScorePairs(kPairs, embeddings).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none of 4 photos could be embedded"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("INVALID_ARGUMENT: no face"));
}

TEST(ScorePairsTest, RefusesToCompareEmbeddingsOfDifferentModels) {
  v1::EmbedResponse other = At(13);
  other.mutable_model()->set_digest("other digest");
  const PhotoEmbeddings embeddings = {{"a1", At(0)}, {"a2", At(1)}, {"b1", At(10)}, {"b2", other}};
  EXPECT_EQ(ScorePairs(kPairs, embeddings).status().code(), absl::StatusCode::kAborted);
}

}  // namespace
}  // namespace likeness
