#include "client/calibration/degraded_copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/image/photo.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::Not;

constexpr int kWidth = 120;
constexpr int kHeight = 160;

// Colors that rise to the right and downwards.
std::string MadeUpPhoto() {
  std::string file = absl::StrCat("P6\n", kWidth, " ", kHeight, "\n255\n");
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) file += {static_cast<char>(x), static_cast<char>(y), static_cast<char>(100)};
  }
  return file;
}

v1::Face MadeUpFace() {
  v1::Face face;
  for (const auto& [x, y] : {std::pair{40, 60}, {80, 60}, {60, 80}, {45, 105}, {75, 105}}) {
    v1::Point* point = face.add_landmarks();
    point->set_x(static_cast<float>(x));
    point->set_y(static_cast<float>(y));
  }
  return face;
}

absl::StatusOr<Picture> Degraded(const std::string& how, uint64_t seed = 1) {
  SeededRandom random(seed, RandomPurpose::kCohort);
  const absl::StatusOr<std::string> copy = Degrade(MadeUpPhoto(), how, MadeUpFace(), random);
  if (!copy.ok()) return copy.status();
  return DecodePhoto(*copy, {});
}

// Of red, green and blue at a place.
int Sum(const Picture& picture, int x, int y) {
  const size_t at = (static_cast<size_t>(y) * static_cast<size_t>(picture.width) + static_cast<size_t>(x)) * 3;
  return picture.rgb[at] + picture.rgb[at + 1] + picture.rgb[at + 2];
}

TEST(DegradedCopiesTest, AreAllPhotosThatAServerReads) {
  EXPECT_GE(Degradations().size(), 10u);
  for (absl::string_view how : Degradations()) {
    const absl::StatusOr<Picture> copy = Degraded(std::string(how));
    ASSERT_THAT(copy, IsOk()) << how;
    EXPECT_NE(copy->rgb, DecodePhoto(MadeUpPhoto(), {})->rgb) << how;
  }
}

TEST(DegradedCopiesTest, TurnTheWholePhoto) {
  const absl::StatusOr<Picture> clockwise = Degraded("turned 90");
  EXPECT_EQ(clockwise->width, kHeight);
  EXPECT_EQ(clockwise->height, kWidth);
  const Picture photo = *DecodePhoto(MadeUpPhoto(), {});
  EXPECT_EQ(Sum(*clockwise, kHeight - 1, 0), Sum(photo, 0, 0)) << "the upper left corner goes to the right";
  EXPECT_EQ(Sum(*Degraded("turned 180"), kWidth - 1, kHeight - 1), Sum(photo, 0, 0));
}

TEST(DegradedCopiesTest, TakeTheLightAway) {
  const Picture photo = *DecodePhoto(MadeUpPhoto(), {});
  const int before = Sum(photo, 100, 100);
  EXPECT_LT(Sum(*Degraded("dark"), 100, 100), before / 3);
  EXPECT_LT(Sum(*Degraded("very dark"), 100, 100), before / 7);
}

TEST(DegradedCopiesTest, CoverWhereTheLandmarksSay) {
  const Picture photo = *DecodePhoto(MadeUpPhoto(), {});
  const Picture masked = *Degraded("medical mask");
  EXPECT_NE(Sum(masked, 60, 105), Sum(photo, 60, 105)) << "the mouth";
  EXPECT_EQ(Sum(masked, 60, 45), Sum(photo, 60, 45)) << "the forehead";
  const Picture shaded = *Degraded("sunglasses");
  EXPECT_NE(Sum(shaded, 40, 60), Sum(photo, 40, 60)) << "an eye";
  EXPECT_EQ(Sum(shaded, 60, 105), Sum(photo, 60, 105)) << "the mouth";
}

TEST(DegradedCopiesTest, CutThroughEyesAndMouth) {
  EXPECT_EQ(Degraded("cut off above")->height, kHeight - 60);
  EXPECT_EQ(Degraded("cut off below")->height, 105);
}

// Copies are not compressed: of a phone's photo they were larger than the server takes, and so all failed.
TEST(DegradedCopiesTest, OfALargePhotoAreNoLargerThanAServerTakes) {
  constexpr int kSide = 2400;
  std::string photo = absl::StrCat("P6\n", kSide, " ", kSide, "\n255\n");
  photo.append(size_t{3} * kSide * kSide, '\x64');
  v1::Face face = MadeUpFace();
  for (v1::Point& point : *face.mutable_landmarks()) {
    point.set_x(point.x() * 10);
    point.set_y(point.y() * 10);
  }
  SeededRandom random(1, RandomPurpose::kCohort);
  const PhotoLimits large{.max_bytes = 20 << 20};
  const absl::StatusOr<std::string> copy = Degrade(photo, "sunglasses", face, random, large);
  ASSERT_THAT(copy, IsOk());
  const absl::StatusOr<Picture> picture = DecodePhoto(*copy, {});
  ASSERT_THAT(picture, IsOk()) << "by the server's limits";
  const int side = picture->width;
  EXPECT_LE(side, 1600);
  EXPECT_LT(Sum(*picture, 400 * side / kSide, 600 * side / kSide), 300) << "an eye is where it was, and covered";
}

TEST(DegradedCopiesTest, AreTheSameForTheSameSeed) {
  EXPECT_EQ(Degraded("medical mask", 3)->rgb, Degraded("medical mask", 3)->rgb);
}

TEST(DegradedCopiesTest, RefuseWhatTheyDoNotKnow) {
  SeededRandom random(1, RandomPurpose::kCohort);
  EXPECT_THAT(Degrade(MadeUpPhoto(), "made nicer", MadeUpFace(), random), Not(IsOk()));
  EXPECT_THAT(Degrade(MadeUpPhoto(), "dark", v1::Face(), random), Not(IsOk())) << "no landmarks";
  EXPECT_THAT(Degrade("no photo", "dark", MadeUpFace(), random), Not(IsOk()));
}

}  // namespace
}  // namespace likeness
