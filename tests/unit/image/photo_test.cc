#include "server/image/photo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/costly_photos.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::Not;

constexpr Colour kRed{255, 0, 0}, kGreen{0, 255, 0}, kBlue{0, 0, 255}, kWhite{255, 255, 255};

// Whether two colours differ by at most what a JPEG at quality 95 loses.
MATCHER_P2(IsNear, colour, tolerance, "") {
  *result_listener << "which is " << int{arg.red} << ", " << int{arg.green} << ", " << int{arg.blue};
  return std::abs(arg.red - colour.red) <= tolerance && std::abs(arg.green - colour.green) <= tolerance &&
         std::abs(arg.blue - colour.blue) <= tolerance;
}

void ExpectFourColours(const absl::StatusOr<Picture>& picture, int width, int height, int tolerance) {
  ASSERT_THAT(picture, IsOk());
  ASSERT_EQ(picture->width, width);
  ASSERT_EQ(picture->height, height);
  ASSERT_EQ(picture->rgb.size(), static_cast<size_t>(width) * height * 3);
  EXPECT_THAT(ColourAt(*picture, 2, 2), IsNear(kRed, tolerance));
  EXPECT_THAT(ColourAt(*picture, width - 3, 2), IsNear(kGreen, tolerance));
  EXPECT_THAT(ColourAt(*picture, 2, height - 3), IsNear(kBlue, tolerance));
  EXPECT_THAT(ColourAt(*picture, width - 3, height - 3), IsNear(kWhite, tolerance));
}

TEST(DecodePhotoTest, ReadsEveryFormat) {
  const Picture picture = FourColours(40, 30);
  ExpectFourColours(DecodePhoto(EncodeJpeg(picture), {}), 40, 30, 8);
  ExpectFourColours(DecodePhoto(EncodeJpeg(picture, JpegKind::kProgressive), {}), 40, 30, 8);
  ExpectFourColours(DecodePhoto(EncodeJpeg(picture, JpegKind::kCmyk), {}), 40, 30, 8);
  ExpectFourColours(DecodePhoto(EncodePng(picture), {}), 40, 30, 0);
  ExpectFourColours(DecodePhoto(EncodeWebp(picture), {}), 40, 30, 0);
  ExpectFourColours(DecodePhoto(EncodePnm(picture), {}), 40, 30, 0);
}

TEST(DecodePhotoTest, ReadsSidesThatAreNoMultipleOfABlock) {
  for (int side = 24; side <= 41; ++side) {
    const Picture picture = FourColours(side, 2 * side - 7);
    ExpectFourColours(DecodePhoto(EncodeJpeg(picture), {}), side, 2 * side - 7, 12);
    ExpectFourColours(DecodePhoto(EncodePng(picture), {}), side, 2 * side - 7, 0);
    ExpectFourColours(DecodePhoto(EncodeWebp(picture), {}), side, 2 * side - 7, 0);
  }
}

TEST(DecodePhotoTest, ReadsLargeJpegsAtReducedSize) {
  struct {
    int width, height, reduction;
  } const cases[] = {{1999, 2500, 1}, {2000, 2500, 2}, {4000, 3000, 2}, {4003, 4001, 4},
                     {8000, 1000, 1}, {1999, 8000, 2}, {30000, 900, 2}};
  for (const auto& [width, height, reduction] : cases) {
    for (const JpegKind kind : {JpegKind::kColour, JpegKind::kCmyk}) {
      const absl::StatusOr<Picture> picture = DecodePhoto(EncodeJpeg(FourColours(width, height), kind), {});
      ExpectFourColours(picture, (width + reduction - 1) / reduction, (height + reduction - 1) / reduction, 8);
      EXPECT_EQ(picture->reduction, reduction);
    }
  }
}

TEST(DecodePhotoTest, ReadsLargePhotosOfEveryFormatAtReducedSize) {
  const Picture large = FourColours(2001, 2003);
  for (const std::string& photo : {EncodePng(large), EncodePngWithAlpha(large, 255), EncodeWebp(large),
                                   EncodeWebpWithAlpha(large, 255), EncodePnm(large)}) {
    const absl::StatusOr<Picture> picture = DecodePhoto(photo, {.max_bytes = 20 << 20});
    ExpectFourColours(picture, 1001, 1002, 0);
    EXPECT_EQ(picture->reduction, 2);
  }
}

TEST(DecodePhotoTest, ReadsAnInterlacedPngAsAnyOther) {
  for (const int side : {1, 2, 3, 5, 8, 9, 40, 2003}) {
    const PngShape plain{.width = side, .height = side + 3};
    PngShape interlaced = plain;
    interlaced.interlaced = true;
    const absl::StatusOr<Picture> expected = DecodePhoto(MakePng(plain), {.min_side = 1});
    const absl::StatusOr<Picture> picture = DecodePhoto(MakePng(interlaced), {.min_side = 1});
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(picture, IsOk());
    EXPECT_TRUE(picture->rgb == expected->rgb) << side;
  }
}

TEST(DecodePhotoTest, KeepsTheReductionOfAPhotoThatIsTurnedUpright) {
  const std::string photo = JpegWithExif(EncodeJpeg(PlainPicture(2400, 2000, kRed)), ExifBlock(/*orientation=*/6));
  const absl::StatusOr<Picture> picture = DecodePhoto(photo, {});
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(picture->width, 1000);
  EXPECT_EQ(picture->height, 1200);
  EXPECT_EQ(picture->reduction, 2);
}

TEST(DecodePhotoTest, MakesGreyPhotosRgb) {
  const Picture grey = PlainPicture(32, 32, {90, 90, 90});
  const absl::StatusOr<Picture> picture = DecodePhoto(EncodeJpeg(grey, JpegKind::kGrey), {});
  ASSERT_THAT(picture, IsOk());
  EXPECT_THAT(ColourAt(*picture, 16, 16), IsNear(Colour{90, 90, 90}, 2));
}

TEST(DecodePhotoTest, LaysTransparentPixelsOnWhite) {
  const Picture red = PlainPicture(32, 32, kRed);
  for (const std::string& photo : {EncodePngWithAlpha(red, 0), EncodeWebpWithAlpha(red, 0)}) {
    const absl::StatusOr<Picture> picture = DecodePhoto(photo, {});
    ASSERT_THAT(picture, IsOk());
    EXPECT_EQ(ColourAt(*picture, 16, 16), kWhite);
  }
}

TEST(DecodePhotoTest, KeepsTheColoursOfOpaquePixels) {
  const Picture red = PlainPicture(32, 32, kRed);
  for (const std::string& photo : {EncodePngWithAlpha(red, 255), EncodeWebpWithAlpha(red, 255)}) {
    const absl::StatusOr<Picture> picture = DecodePhoto(photo, {});
    ASSERT_THAT(picture, IsOk());
    EXPECT_EQ(ColourAt(*picture, 16, 16), kRed);
  }
}

TEST(DecodePhotoTest, RefusesAPhotoWithoutBytes) { EXPECT_THAT(DecodePhoto("", {}), FailsWith(Reason::PHOTO_EMPTY)); }

TEST(DecodePhotoTest, RefusesOtherFormats) {
  for (const std::string& photo :
       {std::string("G"), std::string("GIF89a\x20\0\x20\0", 10), std::string("BM"), std::string("\xFF\xD8"),
        std::string("\x89PNG"), std::string("RIFF\x10\0\0\0WAVE", 12), std::string("RIFF"), std::string("P"),
        std::string("P4\n8 8\n"), std::string("P3\n1 1 255\n1 1 1"), std::string("<svg/>"), std::string(1000, '\0')}) {
    EXPECT_THAT(DecodePhoto(photo, {}), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED)) << photo;
  }
}

TEST(DecodePhotoTest, RefusesAPhotoOfNothingButItsSignature) {
  for (const std::string& photo : {std::string("\xFF\xD8\xFF"), std::string("\x89PNG\r\n\x1A\n"),
                                   std::string("RIFF\0\0\0\0WEBP", 12), std::string("P5"), std::string("P6")}) {
    EXPECT_THAT(DecodePhoto(photo, {}), FailsWith(Reason::PHOTO_CORRUPT)) << photo;
  }
}

TEST(DecodePhotoTest, RefusesTooManyBytesBeforeItLooksAtThem) {
  EXPECT_THAT(DecodePhoto("not a photo", {.max_bytes = 10}), FailsWith(Reason::PHOTO_TOO_LARGE));
  EXPECT_THAT(DecodePhoto("not a photo", {.max_bytes = 11}), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED));
}

TEST(DecodePhotoTest, RefusesTooManyPixelsInEveryFormat) {
  const Picture picture = FourColours(40, 30);
  for (const std::string& photo : {EncodeJpeg(picture), EncodePng(picture), EncodeWebp(picture), EncodePnm(picture)}) {
    EXPECT_THAT(DecodePhoto(photo, {.max_pixels = 40 * 30 - 1}), FailsWith(Reason::PHOTO_TOO_LARGE));
    EXPECT_THAT(DecodePhoto(photo, {.max_pixels = 40 * 30}), IsOk());
  }
}

TEST(DecodePhotoTest, RefusesASideBelowTheLeastInEveryFormat) {
  const Picture picture = FourColours(40, 23);
  for (const std::string& photo : {EncodeJpeg(picture), EncodePng(picture), EncodeWebp(picture), EncodePnm(picture)}) {
    EXPECT_THAT(DecodePhoto(photo, {}), FailsWith(Reason::PHOTO_TOO_SMALL));
    EXPECT_THAT(DecodePhoto(photo, {.min_side = 23}), IsOk());
  }
}

// The header's claim is checked before memory is taken for it.
TEST(DecodePhotoTest, RefusesAClaimOfGigapixelsInAFewBytes) {
  EXPECT_THAT(DecodePhoto("P6 999999999 999999999 255\n", {}), FailsWith(Reason::PHOTO_TOO_LARGE));
  std::string png = EncodePng(FourColours(40, 30));
  png.replace(16, 8, std::string("\0\x0F\x42\x40\0\x0F\x42\x40", 8));  // IHDR: 1,000,000 × 1,000,000
  EXPECT_THAT(DecodePhoto(png, {}), Not(IsOk()));
}

TEST(DecodePhotoTest, RefusesATruncatedPhotoInEveryFormat) {
  Picture picture = FourColours(64, 48);
  for (size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] ^= static_cast<uint8_t>(i * i % 251 / 8);  // texture
  for (const std::string& photo : {EncodeJpeg(picture), EncodeJpeg(picture, JpegKind::kProgressive), EncodePng(picture),
                                   EncodeWebp(picture), EncodePnm(picture)}) {
    for (size_t eighths = 1; eighths < 8; ++eighths) {
      EXPECT_THAT(DecodePhoto(absl::string_view(photo).substr(0, photo.size() * eighths / 8), {}),
                  FailsWith(Reason::PHOTO_CORRUPT))
          << photo.substr(0, 4) << " " << eighths << "/8";
    }
  }
}

TEST(DecodePhotoTest, SurvivesAnyAlteredByteInEveryFormat) {
  const Picture picture = FourColours(32, 24);
  for (const std::string& photo :
       {JpegWithExif(EncodeJpeg(picture), ExifBlock(6)), EncodeJpeg(picture, JpegKind::kProgressive),
        PngWithExif(EncodePng(picture), ExifBlock(6)), WebpWithExif(EncodeWebp(picture), picture, ExifBlock(6)),
        EncodePnm(picture)}) {
    for (size_t place = 0; place < std::min<size_t>(photo.size(), 800); ++place) {
      for (int value : {0x00, 0xFF, 0x80, photo[place] ^ 0x01}) {
        std::string altered = photo;
        altered[place] = static_cast<char>(value);
        const absl::StatusOr<Picture> decoded = DecodePhoto(altered, {.max_pixels = 1'000'000});
        if (!decoded.ok()) {
          EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument) << decoded.status();
        } else {
          EXPECT_EQ(decoded->rgb.size(), static_cast<size_t>(decoded->width) * decoded->height * 3);
        }
      }
    }
  }
}

TEST(DecodePhotoTest, ReadsEveryPhotoOfTheTestPackage) {
  for (const char* name : {"audrey.jpg", "cage.jpg", "franck_01829.jpg", "joconde.jpg", "vendetta.jpg"}) {
    const absl::StatusOr<Picture> picture = DecodePhoto(ReadFile(PhotoPath(name)), {});
    ASSERT_THAT(picture, IsOk()) << name;
    EXPECT_GT(picture->width, 400) << name;
  }
}

}  // namespace
}  // namespace likeness
