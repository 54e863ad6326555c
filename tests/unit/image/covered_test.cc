#include "server/image/covered.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "server/image/alignment.h"
#include "server/image/face_finder.h"
#include "server/image/photo.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

// A place in the aligned crop: eyes at (38, 52) and (74, 52), mouth at y = 92.
using Shape = std::function<bool(double x, double y)>;

Picture Drawn(Picture crop, const Shape& shape, Colour colour) {
  for (int y = 0; y < crop.height; ++y) {
    const double fold = y % 9 == 0 ? 0.9 : 1;  // as cloth has
    for (int x = 0; x < crop.width; ++x) {
      if (!shape(x, y)) continue;
      uint8_t* pixel = crop.rgb.data() + 3 * (y * crop.width + x);
      pixel[0] = static_cast<uint8_t>(colour.red * fold);
      pixel[1] = static_cast<uint8_t>(colour.green * fold);
      pixel[2] = static_cast<uint8_t>(colour.blue * fold);
    }
  }
  return crop;
}

bool OnMask(double x, double y) { return y > 66 + std::abs(x - 56) / 8 && std::abs(x - 56) < 44 - (y - 66) / 4; }

bool OnRoundGlasses(double x, double y) {
  const auto on_glass = [&](double eye) { return std::hypot((x - eye) / 15, (y - 53) / 12) < 1; };
  return on_glass(38) || on_glass(74) || (std::abs(y - 50) < 2 && x > 38 && x < 74);
}

bool OnBar(double x, double y) { return std::abs(y - 52) < 11 && std::abs(x - 56) < 36; }

class CoveredTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const absl::StatusOr<FaceFinder> finder = FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
    ASSERT_THAT(finder, IsOk());
    for (const char* name : {"audrey.jpg", "cage.jpg"}) {
      const absl::StatusOr<Picture> photo = DecodePhoto(ReadFile(PhotoPath(name)), {});
      ASSERT_THAT(photo, IsOk());
      const absl::StatusOr<std::vector<Face>> faces = finder->Find(*photo);
      ASSERT_THAT(faces, IsOk());
      ASSERT_FALSE(faces->empty()) << name;
      crops_.push_back(AlignToArcFace(*photo, *faces->front().landmarks));
    }
  }
  static void TearDownTestSuite() { crops_.clear(); }

  inline static std::vector<Picture> crops_;
};

TEST_F(CoveredTest, FindsNothingOverAWholeFace) {
  for (const Picture& crop : crops_) {
    EXPECT_LT(FindCovering(crop).mouth, 0.5);
    EXPECT_LT(FindCovering(crop).eyes, 0.5);
  }
}

TEST_F(CoveredTest, FindsAMaskOfAnyColor) {
  for (const Picture& crop : crops_) {
    for (const Colour colour :
         {Colour{170, 205, 230}, Colour{240, 240, 240}, Colour{20, 20, 22}, Colour{180, 50, 60}}) {
      const Covering covering = FindCovering(Drawn(crop, OnMask, colour));
      EXPECT_GT(covering.mouth, 0.5) << int{colour.red};
      EXPECT_LT(covering.eyes, 0.5) << int{colour.red};
    }
  }
}

TEST_F(CoveredTest, FindsSunglassesOfAnyShape) {
  for (const Picture& crop : crops_) {
    for (const Shape& shape : {Shape(OnRoundGlasses), Shape(OnBar)}) {
      const Covering covering = FindCovering(Drawn(crop, shape, {12, 12, 14}));
      EXPECT_GT(covering.eyes, 0.5);
      EXPECT_LT(covering.mouth, 0.5);
    }
  }
}

TEST_F(CoveredTest, IsANumberWhereThereIsNothingToSee) {
  for (const uint8_t grey : {0, 128, 255}) {
    const Covering covering = FindCovering(PlainPicture(kArcFaceSide, kArcFaceSide, {grey, grey, grey}));
    EXPECT_TRUE(std::isfinite(covering.mouth));
    EXPECT_TRUE(std::isfinite(covering.eyes));
  }
}

TEST_F(CoveredTest, KnowsNothingOfACropOfAnotherSize) {
  EXPECT_EQ(FindCovering(PlainPicture(10, 10, {0, 0, 0})).mouth, 0);
  EXPECT_EQ(FindCovering(PlainPicture(10, 10, {0, 0, 0})).eyes, 0);
}

}  // namespace
}  // namespace likeness
