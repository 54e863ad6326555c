#include "server/image/codecs/orientation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/image/photo.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::ElementsAre;

// A picture of two rows and three columns, by the red of its pixels.
Picture Stored() { return Picture{3, 2, {1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 5, 0, 0, 6, 0, 0}}; }

std::vector<std::vector<int>> Rows(const Picture& picture) {
  std::vector<std::vector<int>> rows(static_cast<size_t>(picture.height));
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) rows[static_cast<size_t>(y)].push_back(ColourAt(picture, x, y).red);
  }
  return rows;
}

// Exif 2.32, tag 0x0112: which side of the upright picture the stored row 0 and column 0 are.
TEST(OrientationTest, TurnsAndMirrorsAsTheStandardSays) {
  const auto upright = [](int value) { return Rows(MakeUpright(Stored(), static_cast<Orientation>(value))); };
  EXPECT_THAT(upright(1), ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6)));               // top, left
  EXPECT_THAT(upright(2), ElementsAre(ElementsAre(3, 2, 1), ElementsAre(6, 5, 4)));               // top, right
  EXPECT_THAT(upright(3), ElementsAre(ElementsAre(6, 5, 4), ElementsAre(3, 2, 1)));               // bottom, right
  EXPECT_THAT(upright(4), ElementsAre(ElementsAre(4, 5, 6), ElementsAre(1, 2, 3)));               // bottom, left
  EXPECT_THAT(upright(5), ElementsAre(ElementsAre(1, 4), ElementsAre(2, 5), ElementsAre(3, 6)));  // left, top
  EXPECT_THAT(upright(6), ElementsAre(ElementsAre(4, 1), ElementsAre(5, 2), ElementsAre(6, 3)));  // right, top
  EXPECT_THAT(upright(7), ElementsAre(ElementsAre(6, 3), ElementsAre(5, 2), ElementsAre(4, 1)));  // right, bottom
  EXPECT_THAT(upright(8), ElementsAre(ElementsAre(3, 6), ElementsAre(2, 5), ElementsAre(1, 4)));  // left, bottom
}

TEST(OrientationTest, IsReadFromAnExifBlockWithAndWithoutItsHeading) {
  for (int value = 1; value <= 8; ++value) {
    const std::string block = ExifBlock(value);
    EXPECT_EQ(ReadOrientation(block), static_cast<Orientation>(value));
    EXPECT_EQ(ReadOrientation(absl::string_view(block).substr(6)), static_cast<Orientation>(value));
  }
}

TEST(OrientationTest, IsReadInLittleEndianToo) {
  const std::string block("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 32);
  EXPECT_EQ(ReadOrientation(block), Orientation::kQuarterTurnRight);
}

TEST(OrientationTest, IsUprightWhenTheTagMakesNoSense) {
  for (int value : {0, 9, 255, 65535}) EXPECT_EQ(ReadOrientation(ExifBlock(value)), Orientation::kUpright) << value;
}

TEST(OrientationTest, IsUprightWithoutExif) {
  for (const std::string& bytes : {std::string(), std::string("\xFF\xD8"), std::string("\xFF\xD8\xFF\xE1"),
                                   std::string("Exif\0\0", 6), std::string("II*\0", 4), std::string(200, '\xFF')}) {
    EXPECT_EQ(ReadOrientation(bytes), Orientation::kUpright);
  }
}

TEST(OrientationTest, SurvivesADamagedBlock) {
  const std::string block = ExifBlock(6);
  for (size_t size = 0; size <= block.size(); ++size) ReadOrientation(absl::string_view(block).substr(0, size));
  for (size_t place = 0; place < block.size(); ++place) {
    for (int value = 0; value < 256; ++value) {
      std::string altered = block;
      altered[place] = static_cast<char>(value);
      const int orientation = static_cast<int>(ReadOrientation(altered));
      EXPECT_TRUE(orientation >= 1 && orientation <= 8);
    }
  }
}

// Red, the stored upper left corner, goes to the upright picture's upper right one, and the sides change places.
void ExpectTurnedToTheRight(const absl::StatusOr<Picture>& picture) {
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(picture->width, 30);
  EXPECT_EQ(picture->height, 40);
  const Colour upper_right = ColourAt(*picture, 27, 2);
  EXPECT_GT(upper_right.red, 240);
  EXPECT_LT(upper_right.green, 15);
  EXPECT_LT(upper_right.blue, 15);
}

TEST(OrientationTest, IsAppliedToJpegPngAndWebp) {
  const Picture stored = FourColours(40, 30);
  ExpectTurnedToTheRight(DecodePhoto(JpegWithExif(EncodeJpeg(stored), ExifBlock(6)), {}));
  ExpectTurnedToTheRight(DecodePhoto(PngWithExif(EncodePng(stored), ExifBlock(6)), {}));
  ExpectTurnedToTheRight(DecodePhoto(WebpWithExif(EncodeWebp(stored), stored, ExifBlock(6)), {}));
}

}  // namespace
}  // namespace likeness
