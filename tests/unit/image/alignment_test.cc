#include "server/image/alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "tests/support/photos.h"

namespace likeness {
namespace {

// The template, turned by `degrees` about the origin, scaled and shifted: where a face's landmarks lie in a photo.
Landmarks Moved(double degrees, double scale, double dx, double dy) {
  const double a = scale * std::cos(degrees * M_PI / 180), b = scale * std::sin(degrees * M_PI / 180);
  Landmarks moved;
  for (size_t i = 0; i < moved.size(); ++i) {
    const Point& point = kArcFaceTemplate[i];
    moved[i] = {static_cast<float>(a * point.x - b * point.y + dx), static_cast<float>(b * point.x + a * point.y + dy)};
  }
  return moved;
}

TEST(EstimateSimilarityTest, FindsTheMovementThatWasMade) {
  for (double degrees : {0.0, 30.0, -90.0, 180.0}) {
    const Similarity similarity = EstimateSimilarity(kArcFaceTemplate, Moved(degrees, 2.5, 40, -7));
    EXPECT_NEAR(similarity.a, 2.5 * std::cos(degrees * M_PI / 180), 1e-5);
    EXPECT_NEAR(similarity.b, 2.5 * std::sin(degrees * M_PI / 180), 1e-5);
    EXPECT_NEAR(similarity.tx, 40, 1e-3);
    EXPECT_NEAR(similarity.ty, -7, 1e-3);
    EXPECT_NEAR(similarity.Scale(), 2.5, 1e-5);
  }
}

TEST(EstimateSimilarityTest, LeavesNoErrorThatAnotherMovementWouldLessen) {
  Landmarks to = Moved(10, 1.5, 3, 4);
  to[0].x += 3;
  to[4].y -= 5;
  const auto error = [&](const Similarity& s) {
    double sum = 0;
    for (size_t i = 0; i < to.size(); ++i) {
      const Point& from = kArcFaceTemplate[i];
      sum += std::pow(s.a * from.x - s.b * from.y + s.tx - to[i].x, 2) +
             std::pow(s.b * from.x + s.a * from.y + s.ty - to[i].y, 2);
    }
    return sum;
  };
  const Similarity best = EstimateSimilarity(kArcFaceTemplate, to);
  for (double step : {-1e-2, 1e-2}) {
    for (double Similarity::*part : {&Similarity::a, &Similarity::b, &Similarity::tx, &Similarity::ty}) {
      Similarity other = best;
      other.*part += step;
      EXPECT_GT(error(other), error(best));
    }
  }
}

TEST(EstimateSimilarityTest, IsNotANumberForLandmarksInOnePlace) {
  EXPECT_FALSE(std::isfinite(EstimateSimilarity(Landmarks{}, kArcFaceTemplate).Scale()));
}

TEST(AlignedFrameTest, IsTheTemplateItselfUnlessSaidOtherwise) {
  EXPECT_EQ(kArcFace112.Side(), kArcFaceSide);
  for (size_t i = 0; i < kArcFaceTemplate.size(); ++i) {
    EXPECT_FLOAT_EQ(kArcFace112.Template()[i].x, kArcFaceTemplate[i].x);
    EXPECT_FLOAT_EQ(kArcFace112.Template()[i].y, kArcFaceTemplate[i].y);
  }
}

TEST(AlignedFrameTest, MagnifiesAboutTheEdgeAndAddsItsMargin) {
  EXPECT_EQ(kArcFace192.Side(), 192);
  EXPECT_FLOAT_EQ(kArcFace192.Template()[0].x, 1.5f * 38.2946f + 0.25f + 12);
  EXPECT_FLOAT_EQ(kArcFace192.Template()[0].y, 1.5f * 51.6963f + 0.25f + 12);
}

TEST(AlignToArcFaceTest, LeavesAFaceThatIsInPlaceAsItIs) {
  const Picture picture = FourColours(112, 112);
  EXPECT_EQ(AlignToArcFace(picture, kArcFaceTemplate).rgb, picture.rgb);
}

// A photo made by the inverse movement shows the template's four quarters again, whatever its size and turn.
TEST(AlignToArcFaceTest, UndoesTurnScaleAndShift) {
  for (double scale : {1.0, 1.9, 2.0, 3.7, 8.0}) {
    const int side = static_cast<int>(112 * scale);
    const Picture crop = AlignToArcFace(FourColours(side, side), Moved(0, scale, 0, 0));
    ASSERT_EQ(crop.width, kArcFaceSide);
    ASSERT_EQ(crop.height, kArcFaceSide);
    EXPECT_EQ(ColourAt(crop, 28, 28), (Colour{255, 0, 0})) << scale;
    EXPECT_EQ(ColourAt(crop, 84, 28), (Colour{0, 255, 0})) << scale;
    EXPECT_EQ(ColourAt(crop, 28, 84), (Colour{0, 0, 255})) << scale;
    EXPECT_EQ(ColourAt(crop, 84, 84), (Colour{255, 255, 255})) << scale;
    // The edge between the quarters stays where it was, within a pixel.
    EXPECT_EQ(ColourAt(crop, 54, 28), (Colour{255, 0, 0})) << scale;
    EXPECT_EQ(ColourAt(crop, 57, 28), (Colour{0, 255, 0})) << scale;
  }
}

TEST(AlignToArcFaceTest, MovesAFaceIntoALargerFrame) {
  const Picture crop = AlignToArcFace(FourColours(112, 112), kArcFaceTemplate, kArcFace192);
  ASSERT_EQ(crop.width, 192);
  ASSERT_EQ(crop.height, 192);
  EXPECT_EQ(ColourAt(crop, 6, 6), (Colour{0, 0, 0}));  // the margin, where this photo has nothing
  EXPECT_EQ(ColourAt(crop, 54, 54), (Colour{255, 0, 0}));
  EXPECT_EQ(ColourAt(crop, 138, 54), (Colour{0, 255, 0}));
  EXPECT_EQ(ColourAt(crop, 54, 138), (Colour{0, 0, 255}));
  EXPECT_EQ(ColourAt(crop, 138, 138), (Colour{255, 255, 255}));
}

// The margin shows what lies around the face, not black.
TEST(AlignToArcFaceTest, ShowsTheSurroundingsInTheMarginOfALargerFrame) {
  const Picture crop = AlignToArcFace(PlainPicture(400, 400, {9, 99, 199}), Moved(10, 2, 80, 60), kArcFace192);
  EXPECT_EQ(crop.rgb, PlainPicture(192, 192, {9, 99, 199}).rgb);
}

TEST(AlignToArcFaceTest, TurnsAFaceThatLiesOnItsSide) {
  // The stored photo is the template turned clockwise about its origin and pushed back into view.
  const Picture crop = AlignToArcFace(FourColours(112, 112), Moved(90, 1, 111, 0));
  EXPECT_EQ(ColourAt(crop, 28, 28), (Colour{0, 255, 0}));      // was upper right
  EXPECT_EQ(ColourAt(crop, 84, 28), (Colour{255, 255, 255}));  // was lower right
  EXPECT_EQ(ColourAt(crop, 28, 84), (Colour{255, 0, 0}));      // was upper left
}

TEST(AlignToArcFaceTest, IsBlackWhereThePhotoEnds) {
  const Picture crop = AlignToArcFace(PlainPicture(112, 112, {255, 255, 255}), Moved(0, 1, -56, 0));
  EXPECT_EQ(ColourAt(crop, 28, 56), (Colour{0, 0, 0}));
  EXPECT_EQ(ColourAt(crop, 84, 56), (Colour{255, 255, 255}));
}

// Averages instead of skipping: stripes of one pixel, shrunk fourfold, are grey.
TEST(AlignToArcFaceTest, AveragesALargeFaceDown) {
  Picture stripes = PlainPicture(448, 448, {0, 0, 0});
  for (size_t i = 0; i < stripes.rgb.size(); ++i) stripes.rgb[i] = i / 3 % 2 == 0 ? 255 : 0;
  const Picture crop = AlignToArcFace(stripes, Moved(0, 4, 0, 0));
  for (int x = 10; x < 100; ++x) EXPECT_NEAR(ColourAt(crop, x, 56).green, 127, 3) << x;
}

TEST(AlignToArcFaceTest, MakesABlackCropOfAFaceThatIsNotInThePicture) {
  for (double away : {1e3, 1e6, 1e9}) {
    const Picture crop = AlignToArcFace(PlainPicture(64, 64, {255, 255, 255}), Moved(0, 3, away, away));
    EXPECT_EQ(crop.rgb, PlainPicture(112, 112, {0, 0, 0}).rgb) << away;
  }
}

TEST(AlignToArcFaceTest, SurvivesLandmarksOfAnySize) {
  for (double scale : {1e-6, 1e-3, 1e3, 1e6, 1e9, 1e15}) {
    const Picture crop = AlignToArcFace(FourColours(64, 64), Moved(20, scale, 0, 0));
    EXPECT_EQ(crop.rgb.size(), 112u * 112 * 3) << scale;
  }
}

TEST(ResizeWholeTest, KeepsTheQuartersWhereTheyAre) {
  for (const auto& [width, height] : {std::pair{100, 100}, {8, 8}, {40, 200}, {64, 48}}) {
    const Picture resized = ResizeWhole(FourColours(64, 48), width, height);
    ASSERT_EQ(resized.width, width);
    ASSERT_EQ(resized.height, height);
    EXPECT_EQ(ColourAt(resized, width / 4, height / 4), (Colour{255, 0, 0}));
    EXPECT_EQ(ColourAt(resized, 3 * width / 4, height / 4), (Colour{0, 255, 0}));
    EXPECT_EQ(ColourAt(resized, width / 4, 3 * height / 4), (Colour{0, 0, 255}));
  }
}

}  // namespace
}  // namespace likeness
