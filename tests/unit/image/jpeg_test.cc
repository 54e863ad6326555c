// What is peculiar to damaged JPEG files: libjpeg repairs much and only warns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/image/photo.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr char kHuffmanTable[] = "\xFF\xC4";
constexpr char kEndOfImage[] = "\xFF\xD9";

Picture Textured() {
  Picture picture = FourColours(64, 64);
  for (size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] ^= static_cast<uint8_t>(i * i % 251 / 8);
  return picture;
}

// The JPEG with bytes that belong to nothing in front of the last marker of that kind.
std::string WithStrayBytesBefore(const char* marker, std::string jpeg) {
  jpeg.insert(jpeg.rfind(marker), std::string(5, '\0'));
  return jpeg;
}

TEST(JpegTest, ForgivesStrayBytesBehindTheLastPixel) {
  EXPECT_THAT(DecodePhoto(WithStrayBytesBefore(kEndOfImage, EncodeJpeg(Textured())), {}), IsOk());
}

TEST(JpegTest, RefusesAPhotoThatLacksOnlyItsEnd) {
  const std::string jpeg = EncodeJpeg(Textured());
  EXPECT_THAT(DecodePhoto(absl::string_view(jpeg).substr(0, jpeg.size() - 2), {}), FailsWith(Reason::PHOTO_CORRUPT));
}

// libjpeg words its first warning only: the harmless one must not hide the other.
TEST(JpegTest, RefusesATruncatedPhotoThatHasStrayBytesToo) {
  std::string jpeg = WithStrayBytesBefore(kHuffmanTable, EncodeJpeg(Textured(), JpegKind::kProgressive));
  jpeg.resize(jpeg.size() - 20);
  EXPECT_THAT(DecodePhoto(jpeg, {}), FailsWith(Reason::PHOTO_CORRUPT));
}

TEST(JpegTest, RefusesAScanOfWhichAPieceIsMissing) {
  const std::string jpeg = EncodeJpeg(Textured());
  std::string shorter = jpeg;
  shorter.erase(jpeg.size() / 2, 200);
  EXPECT_THAT(DecodePhoto(shorter, {}), FailsWith(Reason::PHOTO_CORRUPT));
}

TEST(JpegTest, TakesAPhotoWithBytesAfterItsEnd) {
  EXPECT_THAT(DecodePhoto(EncodeJpeg(Textured()) + std::string(1000, 'x'), {}), IsOk());
}

TEST(JpegTest, RefusesMoreScansThanAnyCameraWrites) {
  // A progressive photo whose last scan is repeated: small in bytes, long in time.
  std::string jpeg = EncodeJpeg(FourColours(64, 64), JpegKind::kProgressive);
  const size_t last_scan = jpeg.rfind("\xFF\xDA");
  const std::string scan = jpeg.substr(last_scan, jpeg.size() - 2 - last_scan);
  jpeg.resize(jpeg.size() - 2);
  for (int i = 0; i < 1000; ++i) jpeg += scan;
  EXPECT_THAT(DecodePhoto(jpeg + kEndOfImage, {}), FailsWith(Reason::PHOTO_CORRUPT));
}

}  // namespace
}  // namespace likeness
