#include "server/image/face_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "server/image/face_finder.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

Face FaceAt(float x, float y, float side, float score = 0.9f) {
  return Face{.box = {x, y, side, side}, .score = score, .landmarks = std::nullopt};
}

std::vector<float> Scores(const std::vector<Face>& faces) {
  std::vector<float> scores;
  for (const Face& face : faces) scores.push_back(face.score);
  return scores;
}

TEST(ChooseFaceTest, FindsNoneWhereThereIsNone) {
  for (FacePolicy policy : {FacePolicy::kOnly, FacePolicy::kLargest, FacePolicy::kMostCentral}) {
    EXPECT_THAT(ChooseFace({}, policy, 100, 100), FailsWith(Reason::FACE_NOT_FOUND));
  }
}

TEST(ChooseFaceTest, TakesTheOnlyFaceUnderEveryPolicy) {
  for (FacePolicy policy : {FacePolicy::kOnly, FacePolicy::kLargest, FacePolicy::kMostCentral}) {
    const absl::StatusOr<Face> face = ChooseFace({FaceAt(7, 8, 9)}, policy, 100, 100);
    ASSERT_THAT(face, IsOk());
    EXPECT_EQ(face->box.x, 7);
  }
}

TEST(ChooseFaceTest, RefusesSeveralFacesUnlessAPolicyChooses) {
  EXPECT_THAT(ChooseFace({FaceAt(0, 0, 10), FaceAt(50, 50, 10)}, FacePolicy::kOnly, 100, 100),
              FailsWith(Reason::SEVERAL_FACES));
}

TEST(ChooseFaceTest, TakesTheLargestWhereverItIs) {
  const absl::StatusOr<Face> face =
      ChooseFace({FaceAt(45, 45, 10), FaceAt(-20, -20, 30), FaceAt(80, 80, 20)}, FacePolicy::kLargest, 100, 100);
  ASSERT_THAT(face, IsOk());
  EXPECT_EQ(face->box.width, 30);
}

TEST(ChooseFaceTest, PrefersTheMiddleToSizeUnlessTheSizeOutweighsTheDistance) {
  // Area − 2 × squared distance of the centres, in a picture of 100 × 100: 100 − 0 against 400 − 2 × (40² + 40²).
  absl::StatusOr<Face> face = ChooseFace({FaceAt(0, 0, 20), FaceAt(45, 45, 10)}, FacePolicy::kMostCentral, 100, 100);
  ASSERT_THAT(face, IsOk());
  EXPECT_EQ(face->box.width, 10);
  // 1600 − 2 × (10² + 10²) against 100.
  face = ChooseFace({FaceAt(20, 20, 40), FaceAt(45, 45, 10)}, FacePolicy::kMostCentral, 100, 100);
  ASSERT_THAT(face, IsOk());
  EXPECT_EQ(face->box.width, 40);
}

TEST(ChooseFaceTest, TakesTheFirstOfEquals) {
  const absl::StatusOr<Face> face =
      ChooseFace({FaceAt(1, 1, 10, 0.8f), FaceAt(50, 50, 10, 0.9f)}, FacePolicy::kLargest, 100, 100);
  ASSERT_THAT(face, IsOk());
  EXPECT_EQ(face->score, 0.8f);
}

TEST(SuppressOverlappingTest, KeepsTheMostCertainOfBoxesThatCoverEachOther) {
  EXPECT_THAT(
      Scores(SuppressOverlapping({FaceAt(0, 0, 100, 0.7f), FaceAt(2, 2, 100, 0.9f), FaceAt(4, 4, 100, 0.8f)}, 0.4)),
      testing::ElementsAre(0.9f));
}

TEST(SuppressOverlappingTest, KeepsBoxesThatHardlyTouchAndSortsThemByScore) {
  EXPECT_THAT(
      Scores(SuppressOverlapping({FaceAt(0, 0, 10, 0.7f), FaceAt(9, 9, 10, 0.9f), FaceAt(50, 0, 10, 0.8f)}, 0.4)),
      testing::ElementsAre(0.9f, 0.8f, 0.7f));
}

TEST(SuppressOverlappingTest, MeasuresIntersectionOverUnion) {
  // 10 × 10 boxes shifted by 5: they share 50 of 150.
  EXPECT_EQ(SuppressOverlapping({FaceAt(0, 0, 10), FaceAt(5, 0, 10)}, 0.34).size(), 2u);
  EXPECT_EQ(SuppressOverlapping({FaceAt(0, 0, 10), FaceAt(5, 0, 10)}, 0.33).size(), 1u);
}

TEST(SuppressOverlappingTest, LetsASuppressedBoxSuppressNothing) {
  // The middle box covers both others, but the first one suppresses it; the first and last do not touch.
  EXPECT_THAT(
      Scores(SuppressOverlapping({FaceAt(0, 0, 10, 0.9f), FaceAt(6, 0, 10, 0.8f), FaceAt(12, 0, 10, 0.7f)}, 0.2)),
      testing::ElementsAre(0.9f, 0.7f));
}

TEST(SuppressOverlappingTest, MakesNothingOfNothing) { EXPECT_TRUE(SuppressOverlapping({}, 0.4).empty()); }

}  // namespace
}  // namespace likeness
