#include "server/verification/linear_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "server/verification/distance.h"
#include "tests/support/matchers.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Not;
using testing::Pointwise;
using testing::Truly;

constexpr auto kIsNan = [](float number) { return std::isnan(number); };

// Near the unit matrix, so that it can be inverted.
LinearHead RandomHead(size_t n, std::mt19937& random) {
  std::normal_distribution<float> noise(0, 0.2F / std::sqrt(static_cast<float>(n)));
  std::vector<float> mean(n);
  std::vector<float> matrix(n * n);
  for (float& number : mean) number = noise(random);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = (i % (n + 1) == 0 ? 1.0F : 0.0F) + noise(random);
  return *LinearHead::Create(std::move(mean), matrix);
}

TEST(LinearHeadTest, SubtractsTheMeanAndMultipliesAndScalesToUnitLength) {
  const absl::StatusOr<LinearHead> head = LinearHead::Create({0.5, 0}, {1, 0, 0, 0.5});
  ASSERT_THAT(head, IsOk());
  // (0.6 − 0.5, 0.5 · 0.8) = (0.1, 0.4)
  EXPECT_THAT(head->Apply({0.6F, 0.8F}), ElementsAre(FloatNear(0.242536F, 1e-4), FloatNear(0.970143F, 1e-4)));
}

TEST(LinearHeadTest, UndoesWhatItDid) {
  std::mt19937 random(1);
  const LinearHead head = RandomHead(64, random);
  for (int i = 0; i < 100; ++i) {
    const std::vector<float> embedding = RandomUnitVector(64, random);
    EXPECT_LT(EuclideanDistance(head.Undo(head.Apply(embedding)), embedding), 1e-4);
    EXPECT_LT(EuclideanDistance(head.Apply(head.Undo(embedding)), embedding), 1e-4);
  }
}

TEST(LinearHeadTest, IsTheSameOnceItWasWrittenAndRead) {
  std::mt19937 random(2);
  const LinearHead head = RandomHead(16, random);
  const absl::StatusOr<std::vector<float>> read = DecodeMatrix(EncodeMatrix(head.matrix()), 16);
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(*read, Pointwise(testing::Eq(), std::vector<float>(head.matrix().begin(), head.matrix().end())));
}

TEST(LinearHeadTest, DoesNotCareHowLargeTheMatrixIs) {
  const std::vector<float> small = LinearHead::Create({0, 0}, {1e-6F, 0, 0, 2e-6F})->Apply({0.6F, 0.8F});
  const std::vector<float> large = LinearHead::Create({0, 0}, {1e6F, 0, 0, 2e6F})->Apply({0.6F, 0.8F});
  EXPECT_LT(EuclideanDistance(small, large), 1e-6);
}

TEST(LinearHeadTest, SaysNotANumberOfWhatIsNoEmbeddingOfItsSizeOrLosesItsDirection) {
  const LinearHead head = *LinearHead::Create({0.5, 0}, {1, 0, 0, 1});
  EXPECT_THAT(head.Apply({1, 0, 0}), Each(Truly(kIsNan)));
  EXPECT_THAT(head.Undo({1}), Each(Truly(kIsNan)));
  EXPECT_THAT(head.Apply({std::numeric_limits<float>::quiet_NaN(), 0}), Each(Truly(kIsNan)));
  EXPECT_THAT(head.Apply({0.5, 0}), Each(Truly(kIsNan))) << "the mean itself";
}

TEST(LinearHeadTest, RefusesWhatCannotBeOne) {
  EXPECT_THAT(LinearHead::Create({}, {}), Not(IsOk()));
  EXPECT_THAT(LinearHead::Create({0, 0}, {1, 0, 0}), Not(IsOk())) << "not square";
  EXPECT_THAT(LinearHead::Create({0, 0}, {1, 0, 0, NAN}), Not(IsOk()));
  EXPECT_THAT(LinearHead::Create({0, 0}, {0, 0, 0, 0}), Not(IsOk()));
  EXPECT_THAT(LinearHead::Create({0, 0}, {1, 1, 1, 1}), Not(IsOk())) << "cannot be undone";
  EXPECT_THAT(LinearHead::Create({1, 0}, {1, 0, 0, 1}), Not(IsOk())) << "a mean as long as a face";
  EXPECT_THAT(DecodeMatrix("?", 1), Not(IsOk()));
  EXPECT_THAT(DecodeMatrix("AAAA", 1), Not(IsOk())) << "three bytes";
}

}  // namespace
}  // namespace likeness
