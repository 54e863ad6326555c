#include "server/image/turn.h"

#include <gtest/gtest.h>

#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr Turn kTurns[] = {Turn::kNone, Turn::kQuarter, Turn::kHalf, Turn::kThreeQuarters};

TEST(TurnTest, TurnsPicturesClockwise) {
  const Picture picture = FourColours(4, 2);
  const Colour red{255, 0, 0};
  ASSERT_EQ(ColourAt(picture, 0, 0), red);
  const Picture quarter = Turned(picture, Turn::kQuarter);
  EXPECT_EQ(quarter.width, 2);
  EXPECT_EQ(quarter.height, 4);
  EXPECT_EQ(ColourAt(quarter, 1, 0), red);
  EXPECT_EQ(ColourAt(Turned(picture, Turn::kHalf), 3, 1), red);
  EXPECT_EQ(ColourAt(Turned(picture, Turn::kThreeQuarters), 0, 3), red);
  EXPECT_EQ(Turned(picture, Turn::kNone).rgb, picture.rgb);
}

TEST(TurnTest, KeepsHowMuchOfThePhotoAPixelStandsFor) {
  Picture picture = FourColours(4, 2);
  picture.reduction = 8;
  for (Turn turn : kTurns) EXPECT_EQ(Turned(picture, turn).reduction, 8);
}

// A face in the upper left corner of a picture of 40×20, seen in the picture turned.
TEST(TurnTest, SaysWhereAFaceOfTheTurnedPictureLiesInThePicture) {
  const Picture picture = FourColours(40, 20);
  struct Case {
    Turn turn;
    Box box;
    Point left_eye;
  };
  const Case cases[] = {
      {Turn::kNone, {1, 2, 6, 4}, {3, 5}},
      {Turn::kQuarter, {14, 1, 4, 6}, {15, 3}},
      {Turn::kHalf, {33, 14, 6, 4}, {37, 15}},
      {Turn::kThreeQuarters, {2, 33, 4, 6}, {5, 37}},
  };
  for (const Case& c : cases) {
    Landmarks landmarks{};
    landmarks[0] = c.left_eye;
    const Face face = TurnedBack(Face{.box = c.box, .score = 0.9f, .landmarks = landmarks}, c.turn, picture);
    const int degrees = static_cast<int>(c.turn);
    EXPECT_EQ(face.box.x, 1) << degrees;
    EXPECT_EQ(face.box.y, 2) << degrees;
    EXPECT_EQ(face.box.width, 6) << degrees;
    EXPECT_EQ(face.box.height, 4) << degrees;
    EXPECT_EQ((*face.landmarks)[0].x, 3) << degrees;
    EXPECT_EQ((*face.landmarks)[0].y, 5) << degrees;
    EXPECT_EQ(face.score, 0.9f);
  }
}

TEST(TurnTest, LeavesAFaceWithoutLandmarksWithoutThem) {
  EXPECT_FALSE(TurnedBack(Face{}, Turn::kHalf, FourColours(4, 4)).landmarks.has_value());
}

}  // namespace
}  // namespace likeness
