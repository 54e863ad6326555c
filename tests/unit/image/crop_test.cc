#include "server/image/crop.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr Colour kBlack{0, 0, 0}, kRed{255, 0, 0}, kGreen{0, 255, 0}, kWhite{255, 255, 255};

TEST(SquareAroundTest, HasTheLongerSideAndTheSameCentre) {
  const Square square = SquareAround({10, 20, 30, 50});
  EXPECT_EQ(square.side, 50);
  EXPECT_EQ(square.x, 0);
  EXPECT_EQ(square.y, 20);
}

TEST(SquareAroundTest, IsNeverEmpty) {
  EXPECT_EQ(SquareAround({5, 5, 0, 0}).side, 1);
  EXPECT_EQ(SquareAround({5, 5, 0.2f, 0.3f}).side, 1);
}

TEST(CropSquareTest, CutsOutWhatItIsTold) {
  const Picture crop = CropSquare(FourColours(40, 40), {20, 0, 20}, 10);
  EXPECT_EQ(crop.width, 10);
  EXPECT_EQ(crop.height, 10);
  EXPECT_EQ(crop.rgb, PlainPicture(10, 10, kGreen).rgb);
}

TEST(CropSquareTest, IsBlackOutsideThePicture) {
  const Picture crop = CropSquare(PlainPicture(40, 40, kWhite), {-20, -20, 40}, 40);
  EXPECT_EQ(ColourAt(crop, 10, 10), kBlack);
  EXPECT_EQ(ColourAt(crop, 30, 10), kBlack);
  EXPECT_EQ(ColourAt(crop, 10, 30), kBlack);
  EXPECT_EQ(ColourAt(crop, 30, 30), kWhite);
}

TEST(CropSquareTest, IsAllBlackBesideThePicture) {
  for (const Square& square : {Square{-100, 0, 50}, {40, 0, 10}, {0, 40, 10}, {1000, 1000, 10}, {-10, 0, 10}}) {
    EXPECT_EQ(CropSquare(PlainPicture(40, 40, kWhite), square, 8).rgb, PlainPicture(8, 8, kBlack).rgb);
  }
}

TEST(CropSquareTest, GrowsASinglePixel) {
  EXPECT_EQ(CropSquare(FourColours(40, 40), {0, 0, 1}, 48).rgb, PlainPicture(48, 48, kRed).rgb);
}

TEST(FitIntoTest, KeepsTheShapeAndFillsTheRestWithBlack) {
  const Picture fitted = FitInto(PlainPicture(200, 100, kWhite), 320, 240);
  ASSERT_EQ(fitted.width, 320);
  ASSERT_EQ(fitted.height, 240);
  EXPECT_EQ(ColourAt(fitted, 319, 159), kWhite);
  EXPECT_EQ(ColourAt(fitted, 0, 160), kBlack);
  EXPECT_EQ(ColourAt(fitted, 319, 239), kBlack);
}

TEST(FitIntoTest, ShrinksWhatIsTooLarge) {
  const Picture fitted = FitInto(FourColours(3200, 2400), 320, 240);
  EXPECT_EQ(ColourAt(fitted, 158, 118), kRed);
  EXPECT_EQ(ColourAt(fitted, 161, 118), kGreen);
  EXPECT_EQ(ColourAt(fitted, 319, 239), kWhite);
}

TEST(FitIntoTest, AveragesEveryPixelOfAPictureFarTooLarge) {
  Picture stripes = PlainPicture(1600, 1200, {0, 0, 0});
  for (size_t i = 0; i < stripes.rgb.size(); ++i) stripes.rgb[i] = i / 3 % 2 == 0 ? 255 : 0;
  const Picture fitted = FitInto(stripes, 40, 30);
  for (const auto& [x, y] : {std::pair{0, 0}, {39, 0}, {20, 15}, {39, 29}}) {
    EXPECT_NEAR(ColourAt(fitted, x, y).red, 128, 1);
  }
}

TEST(FitIntoTest, KeepsAtLeastOnePixelOfAPictureOfAnyShape) {
  EXPECT_EQ(ColourAt(FitInto(PlainPicture(10000, 1, kWhite), 320, 240), 319, 0), kWhite);
  EXPECT_EQ(ColourAt(FitInto(PlainPicture(1, 10000, kWhite), 320, 240), 0, 239), kWhite);
}

TEST(DrawOutTest, RepeatsTheEdgeOnEachSide) {
  const Picture drawn_out = DrawOut(FourColours(8, 6), 3);
  ASSERT_EQ(drawn_out.width, 14);
  ASSERT_EQ(drawn_out.height, 12);
  EXPECT_EQ(ColourAt(drawn_out, 0, 0), ColourAt(drawn_out, 3, 3));
  EXPECT_EQ(ColourAt(drawn_out, 13, 2), ColourAt(drawn_out, 10, 3));
  EXPECT_EQ(ColourAt(drawn_out, 2, 8), ColourAt(drawn_out, 3, 8));
  EXPECT_EQ(ColourAt(drawn_out, 13, 11), kWhite);
}

}  // namespace
}  // namespace likeness
