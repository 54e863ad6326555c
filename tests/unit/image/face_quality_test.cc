#include "server/image/face_quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "server/image/alignment.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr int kSide = 224;

// A chessboard of grey fields, 8 pixels a side.
Picture Chessboard(uint8_t dark, uint8_t light) {
  Picture picture = PlainPicture(kSide, kSide, {light, light, light});
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      if (x / 8 % 2 == y / 8 % 2) std::fill_n(picture.rgb.begin() + 3 * (y * kSide + x), 3, dark);
    }
  }
  return picture;
}

// A head seen from the front, twice the size of the template, and what turning it does to the five points.
struct Head {
  double yaw = 0;    // degrees
  double pitch = 0;  // degrees
  double roll = 0;   // degrees
  double scale = 2;

  Landmarks landmarks() const {
    // x to the right, y down, z out of the picture, in distances between the eyes.
    struct Place {
      double x, y, z;
    };
    constexpr Place kPlaces[5] = {{-0.5, 0, 0}, {0.5, 0, 0}, {0, 0.594, 0.55}, {-0.4, 1.1, 0}, {0.4, 1.1, 0}};
    const auto radians = [](double degrees) { return degrees * M_PI / 180; };
    Landmarks points;
    for (size_t i = 0; i < points.size(); ++i) {
      const Place& p = kPlaces[i];
      const double x = p.x * std::cos(radians(yaw)) + p.z * std::sin(radians(yaw));
      const double z = p.z * std::cos(radians(yaw)) - p.x * std::sin(radians(yaw));
      const double y = p.y * std::cos(radians(pitch)) - z * std::sin(radians(pitch));
      const double size = scale * 35.2;  // pixels between the template's eyes
      points[i] = {static_cast<float>(kSide / 2.0 + size * (x * std::cos(radians(roll)) - y * std::sin(radians(roll)))),
                   static_cast<float>(100 + size * (x * std::sin(radians(roll)) + y * std::cos(radians(roll))))};
    }
    return points;
  }
};

FaceQuality Assess(const Picture& picture, const Head& head = {}, const Box& box = {40, 20, 150, 190}) {
  const Face face{.box = box, .score = 1, .landmarks = head.landmarks()};
  return AssessQuality(picture, face, AlignToArcFace(picture, *face.landmarks));
}

TEST(FaceQualityTest, GivesAFaceWithNothingWrongTheFullScore) {
  const FaceQuality quality = Assess(Chessboard(60, 180));
  EXPECT_NEAR(quality.yaw, 0, 0.1);
  EXPECT_NEAR(quality.pitch, 0, 1);
  EXPECT_NEAR(quality.roll, 0, 0.1);
  EXPECT_NEAR(quality.eye_distance, 70.4, 0.1);
  EXPECT_EQ(quality.inside, 1);
  EXPECT_GT(quality.score, 0.99);
  EXPECT_LE(quality.score, 1);
}

TEST(FaceQualityTest, MeasuresTheEyesInPixelsOfThePhoto) {
  Picture picture = Chessboard(60, 180);
  picture.reduction = 4;
  EXPECT_NEAR(Assess(picture).eye_distance, 4 * 70.4, 0.1);
}

TEST(FaceQualityTest, TellsHowTheHeadIsTurned) {
  const Picture picture = Chessboard(60, 180);
  for (double degrees : {-60.0, -30.0, -10.0, 10.0, 30.0, 60.0}) {
    EXPECT_NEAR(Assess(picture, {.yaw = degrees}).yaw, degrees, 1) << degrees;
    EXPECT_NEAR(Assess(picture, {.pitch = degrees}).pitch, degrees, 1) << degrees;
    EXPECT_NEAR(Assess(picture, {.roll = degrees}).roll, degrees, 1) << degrees;
    EXPECT_LT(Assess(picture, {.yaw = degrees}).score, Assess(picture).score) << degrees;
    EXPECT_LT(Assess(picture, {.pitch = degrees}).score, Assess(picture).score) << degrees;
  }
}

TEST(FaceQualityTest, KeepsYawApartFromRoll) {
  const FaceQuality quality = Assess(Chessboard(60, 180), {.yaw = 25, .roll = 20});
  EXPECT_NEAR(quality.yaw, 25, 1);
  EXPECT_NEAR(quality.roll, 20, 1);
}

TEST(FaceQualityTest, FindsAnEnlargedFaceLessSharpThanTheOriginal) {
  const Picture sharp = Chessboard(60, 180);
  float before = Assess(sharp).sharpness;
  float score_before = Assess(sharp).score;
  for (int times : {8, 16}) {
    const Picture blurred = ResizeWhole(ResizeWhole(sharp, kSide / times, kSide / times), kSide, kSide);
    const FaceQuality quality = Assess(blurred);
    EXPECT_LT(quality.sharpness, before) << times;
    EXPECT_LE(quality.score, score_before) << times;
    before = quality.sharpness;
    score_before = quality.score;
  }
}

TEST(FaceQualityTest, FindsAFaceAsSharpInLowLightAsInGoodLight) {
  EXPECT_NEAR(Assess(Chessboard(15, 45)).sharpness, Assess(Chessboard(60, 180)).sharpness, 0.01);
}

TEST(FaceQualityTest, MeasuresLightAndContrast) {
  const FaceQuality middle = Assess(Chessboard(60, 180));
  EXPECT_NEAR(middle.brightness, 120 / 255.0, 0.02);
  EXPECT_GT(middle.contrast, 0.15);
  const FaceQuality dark = Assess(Chessboard(5, 35));
  EXPECT_NEAR(dark.brightness, 20 / 255.0, 0.02);
  EXPECT_LT(dark.score, middle.score);
  EXPECT_LT(Assess(Chessboard(230, 255)).score, middle.score);
  EXPECT_LT(Assess(Chessboard(118, 122)).score, middle.score);
}

// The rows of a picture from `first` on, and the head where it is in them.
FaceQuality AssessRows(const Picture& picture, int first, int last) {
  Landmarks landmarks = Head().landmarks();
  for (Point& point : landmarks) point.y -= static_cast<float>(first);
  const auto row = [&](int y) { return picture.rgb.begin() + 3 * y * picture.width; };
  const Picture rows{picture.width, last - first, {row(first), row(last)}, 1};
  // As a detector does it: the box ends where the photo ends.
  const Face face{.box = {40, 0, 150, static_cast<float>(rows.height)}, .score = 1, .landmarks = landmarks};
  return AssessQuality(rows, face, AlignToArcFace(rows, landmarks));
}

TEST(FaceQualityTest, MeasuresHowMuchOfTheFaceIsInThePhotoWhateverTheDetectorsBox) {
  const Picture picture = Chessboard(60, 180);
  EXPECT_EQ(AssessRows(picture, 0, kSide).inside, 1);
  const FaceQuality at_the_eyes = AssessRows(picture, 100, kSide);  // the row of the eyes
  EXPECT_NEAR(at_the_eyes.inside, 0.42, 0.03);                      // of the upper half: brows are above the eyes
  EXPECT_LT(at_the_eyes.score, AssessRows(picture, 0, kSide).score);
  const FaceQuality at_the_mouth = AssessRows(picture, 0, 178);  // the row of the mouth
  EXPECT_NEAR(at_the_mouth.inside, 0.6, 0.03);                   // of the lower half: the chin is below the mouth
  EXPECT_EQ(AssessRows(picture, 180, kSide).inside, 0);
  EXPECT_EQ(AssessRows(picture, 180, kSide).score, 0);
}

TEST(FaceQualityTest, SeesATightCropThatCutsNothingOffTheFace) {
  const FaceQuality tight = AssessRows(Chessboard(60, 180), 52, 210);  // brows to chin
  EXPECT_GT(tight.inside, 0.95);
  EXPECT_LT(tight.framed, 0.75);
  EXPECT_GT(AssessRows(Chessboard(60, 180), 0, kSide).framed, 0.95);
}

// What blurs is what counts, not how much light falls on it.
TEST(FaceQualityTest, FindsABlurredFaceOutOfFocusAlsoInLowLight) {
  const Picture sharp = Chessboard(60, 180);
  const auto blurred = [](const Picture& picture) {
    return ResizeWhole(ResizeWhole(picture, kSide / 10, kSide / 10), kSide, kSide);
  };
  EXPECT_LT(Assess(blurred(sharp)).focus, 0.7 * Assess(sharp).focus);
  EXPECT_NEAR(Assess(Chessboard(15, 45)).focus / Assess(sharp).focus, 1, 0.02);
  EXPECT_EQ(Assess(PlainPicture(kSide, kSide, {90, 90, 90})).focus, 0);
}

// A face finder promises only that the landmarks are not all in one place.
TEST(FaceQualityTest, IsANumberForLandmarksAndPicturesOfAnyKind) {
  const Point here{50, 50}, there{90, 70};
  for (const Landmarks& landmarks :
       {Landmarks{here, here, here, here, there}, Landmarks{here, here, there, there, there},
        Landmarks{here, there, here, here, there}, Landmarks{there, here, here, here, here}}) {
    for (const Picture& picture :
         {Chessboard(60, 180), PlainPicture(kSide, kSide, {0, 0, 0}), PlainPicture(1, 1, {9, 9, 9})}) {
      const Face face{.box = {0, 0, 100, 100}, .score = 1, .landmarks = landmarks};
      const FaceQuality quality = AssessQuality(picture, face, AlignToArcFace(picture, landmarks));
      for (float value :
           {quality.score, quality.eye_distance, quality.sharpness, quality.brightness, quality.contrast, quality.yaw,
            quality.pitch, quality.roll, quality.inside, quality.framed, quality.focus, quality.covered}) {
        EXPECT_TRUE(std::isfinite(value));
      }
      EXPECT_GE(quality.score, 0);
      EXPECT_LE(quality.score, 1);
    }
  }
}

}  // namespace
}  // namespace likeness
