#include "server/training/contrastive_loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace likeness {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

// Faces in the plane: the first two 5 apart, the third 1 from the first.
const std::vector<float> kEmbeddings = {0, 0, 3, 4, 0, 1};
constexpr size_t kSize = 2;

double LossOf(const std::vector<float>& embeddings, const FacePair& pair, double margin) {
  return ContrastiveLoss(embeddings, kSize, {pair}, margin).loss;
}

// L = (1 − Y) D² / 2 + Y max(0, m − D)² / 2, with Y = 0 for a genuine pair.
TEST(ContrastiveLossTest, IsHalfTheSquaredDistanceOfAGenuinePair) {
  EXPECT_THAT(LossOf(kEmbeddings, {0, 1, true}, /*margin=*/2), DoubleNear(5.0 * 5 / 2, 1e-9));
  EXPECT_THAT(LossOf(kEmbeddings, {0, 2, true}, /*margin=*/2), DoubleNear(1.0 * 1 / 2, 1e-9));
}

TEST(ContrastiveLossTest, IsHalfTheSquareOfWhatAnImpostorPairLacksToTheMargin) {
  EXPECT_THAT(LossOf(kEmbeddings, {0, 2, false}, /*margin=*/2.5), DoubleNear(1.5 * 1.5 / 2, 1e-9));
}

TEST(ContrastiveLossTest, LeavesImpostorPairsBeyondTheMarginAlone) {
  const LossAndGradient result = ContrastiveLoss(kEmbeddings, kSize, {{0, 1, false}}, /*margin=*/4.5);
  EXPECT_EQ(result.loss, 0);
  EXPECT_THAT(result.gradient, Each(0));
}

TEST(ContrastiveLossTest, IsTheMeanOverThePairsAndTellsTheirDistances) {
  const LossAndGradient result = ContrastiveLoss(kEmbeddings, kSize, {{0, 1, true}, {2, 0, false}}, /*margin=*/2);
  EXPECT_THAT(result.loss, DoubleNear((12.5 + 0.5) / 2, 1e-9));
  EXPECT_THAT(result.distances, ElementsAre(DoubleNear(5, 1e-9), DoubleNear(1, 1e-9)));
}

TEST(ContrastiveLossTest, HasTheGradientThatFiniteDifferencesShow) {
  // Six faces of four numbers; face 0 is in three pairs.
  std::vector<float> embeddings;
  for (int i = 0; i < 24; ++i) embeddings.push_back(static_cast<float>(std::sin(i * i + 1.0)));
  const std::vector<FacePair> pairs = {{0, 1, true}, {2, 3, false}, {4, 5, true}, {0, 4, false}, {5, 0, false}};
  const LossAndGradient result = ContrastiveLoss(embeddings, 4, pairs, /*margin=*/2);
  ASSERT_EQ(result.gradient.size(), embeddings.size());
  constexpr float kStep = 1.0f / 1024;
  for (size_t i = 0; i < embeddings.size(); ++i) {
    std::vector<float> up = embeddings;
    std::vector<float> down = embeddings;
    up[i] += kStep;
    down[i] -= kStep;
    const double rise = ContrastiveLoss(up, 4, pairs, 2).loss - ContrastiveLoss(down, 4, pairs, 2).loss;
    EXPECT_NEAR(result.gradient[i], rise / (static_cast<double>(up[i]) - down[i]), 1e-4) << i;
  }
}

TEST(ContrastiveLossTest, HasAFiniteGradientAtDistanceZero) {
  const std::vector<float> equal = {1, 2, 1, 2};
  for (bool genuine : {true, false}) {
    const LossAndGradient result = ContrastiveLoss(equal, kSize, {{0, 1, genuine}}, /*margin=*/2);
    EXPECT_EQ(result.loss, genuine ? 0 : 2);
    EXPECT_THAT(result.gradient, Each(0)) << genuine;
  }
}

TEST(ContrastiveLossTest, IsNotANumberWhereAnEmbeddingIsNot) {
  const std::vector<float> embeddings = {0, std::numeric_limits<float>::quiet_NaN(), 1, 1};
  EXPECT_TRUE(std::isnan(LossOf(embeddings, {0, 1, true}, 2)));
  EXPECT_TRUE(std::isnan(LossOf(embeddings, {0, 1, false}, 2)));
}

}  // namespace
}  // namespace likeness
