// Small photos in every format that the server reads, made by the formats' own libraries.
#ifndef LIKENESS_TESTS_SUPPORT_PHOTOS_H_
#define LIKENESS_TESTS_SUPPORT_PHOTOS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/image/picture.h"

namespace likeness {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;

  friend bool operator==(const Colour&, const Colour&) = default;
};

Picture PlainPicture(int width, int height, Colour colour);

// Red upper left, green upper right, blue lower left, white lower right.
Picture FourColours(int width, int height);

Colour ColourAt(const Picture& picture, int x, int y);

enum class JpegKind { kColour, kGrey, kCmyk, kProgressive };
std::string EncodeJpeg(const Picture& picture, JpegKind kind = JpegKind::kColour);

std::string EncodePng(const Picture& picture);
// Every pixel with this alpha: 0 transparent, 255 opaque.
std::string EncodePngWithAlpha(const Picture& picture, uint8_t alpha);
// Lossless.
std::string EncodeWebp(const Picture& picture);
std::string EncodeWebpWithAlpha(const Picture& picture, uint8_t alpha);
// P6 with 255 as its maximum.
std::string EncodePnm(const Picture& picture);

// An EXIF block with its "Exif\0\0" heading, whose only tag is the orientation.
std::string ExifBlock(int orientation);
// The file with the block as its first APP1 segment, eXIf chunk or EXIF chunk.
std::string JpegWithExif(absl::string_view jpeg, absl::string_view exif);
std::string PngWithExif(absl::string_view png, absl::string_view exif);
std::string WebpWithExif(absl::string_view webp, const Picture& picture, absl::string_view exif);

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_PHOTOS_H_
