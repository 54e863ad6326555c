#include "tests/support/photos.h"

#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>
#include <webp/encode.h>
#include <zlib.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

std::string AsString(const unsigned char* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

std::string BigEndian(size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string LittleEndian(size_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::vector<uint8_t> WithAlpha(const Picture& picture, uint8_t alpha) {
  std::vector<uint8_t> rgba;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) {
    rgba.insert(rgba.end(), {picture.rgb[i], picture.rgb[i + 1], picture.rgb[i + 2], alpha});
  }
  return rgba;
}

// No ink but black's, in the inverted form in which Adobe stores it: 255 is no ink.
std::vector<uint8_t> AsCmyk(const Picture& picture) {
  std::vector<uint8_t> cmyk = WithAlpha(picture, 255);
  return cmyk;
}

std::string WritePng(const Picture& picture, const void* samples, png_uint_32 format) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = format;
  png_alloc_size_t size = 0;
  EXPECT_TRUE(png_image_write_get_memory_size(image, size, 0, samples, 0, nullptr));
  std::string png(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, png.data(), &size, 0, samples, 0, nullptr));
  png.resize(size);
  return png;
}

std::string TakeWebp(size_t size, uint8_t* bytes) {
  const std::unique_ptr<uint8_t, decltype(&WebPFree)> owner(bytes, &WebPFree);
  EXPECT_GT(size, 0u);
  return AsString(bytes, size);
}

}  // namespace

Picture PlainPicture(int width, int height, Colour colour) {
  Picture picture{width, height, {}};
  for (int i = 0; i < width * height; ++i) {
    picture.rgb.insert(picture.rgb.end(), {colour.red, colour.green, colour.blue});
  }
  return picture;
}

Picture FourColours(int width, int height) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool left = x < width / 2, upper = y < height / 2;
      const Colour colour =
          upper ? (left ? Colour{255, 0, 0} : Colour{0, 255, 0}) : (left ? Colour{0, 0, 255} : Colour{255, 255, 255});
      picture.rgb.insert(picture.rgb.end(), {colour.red, colour.green, colour.blue});
    }
  }
  return picture;
}

Colour ColourAt(const Picture& picture, int x, int y) {
  const uint8_t* pixel = picture.rgb.data() + 3 * (static_cast<size_t>(y) * static_cast<size_t>(picture.width) + x);
  return {pixel[0], pixel[1], pixel[2]};
}

std::string EncodeJpeg(const Picture& picture, JpegKind kind) {
  const std::unique_ptr<void, decltype(&tjDestroy)> handle(tjInitCompress(), &tjDestroy);
  const bool cmyk = kind == JpegKind::kCmyk;
  const std::vector<uint8_t> samples = cmyk ? AsCmyk(picture) : picture.rgb;
  unsigned char* jpeg = nullptr;
  unsigned long size = 0;
  const int flags = kind == JpegKind::kProgressive ? TJFLAG_PROGRESSIVE : 0;
  EXPECT_EQ(tjCompress2(handle.get(), samples.data(), picture.width, 0, picture.height, cmyk ? TJPF_CMYK : TJPF_RGB,
                        &jpeg, &size, kind == JpegKind::kGrey ? TJSAMP_GRAY : TJSAMP_444, 95, flags),
            0)
      << tjGetErrorStr2(handle.get());
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(jpeg, &tjFree);
  return AsString(jpeg, size);
}

std::string EncodePng(const Picture& picture) { return WritePng(picture, picture.rgb.data(), PNG_FORMAT_RGB); }

std::string EncodePngWithAlpha(const Picture& picture, uint8_t alpha) {
  return WritePng(picture, WithAlpha(picture, alpha).data(), PNG_FORMAT_RGBA);
}

std::string EncodeWebp(const Picture& picture) {
  uint8_t* bytes = nullptr;
  const size_t size =
      WebPEncodeLosslessRGB(picture.rgb.data(), picture.width, picture.height, picture.width * 3, &bytes);
  return TakeWebp(size, bytes);
}

std::string EncodeWebpWithAlpha(const Picture& picture, uint8_t alpha) {
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeLosslessRGBA(WithAlpha(picture, alpha).data(), picture.width, picture.height,
                                             picture.width * 4, &bytes);
  return TakeWebp(size, bytes);
}

std::string EncodePnm(const Picture& picture) {
  return absl::StrCat("P6\n", picture.width, " ", picture.height, "\n255\n",
                      AsString(picture.rgb.data(), picture.rgb.size()));
}

std::string ExifBlock(int orientation) {
  // A big-endian TIFF header, one directory at offset 8 with one entry: tag 0x0112, SHORT, one value; no next
  // directory.
  std::string exif("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 24);
  return absl::StrCat(exif, BigEndian(static_cast<size_t>(orientation), 2), BigEndian(0, 2), BigEndian(0, 4));
}

std::string JpegWithExif(absl::string_view jpeg, absl::string_view exif) {
  return absl::StrCat(jpeg.substr(0, 2), "\xFF\xE1", BigEndian(exif.size() + 2, 2), exif, jpeg.substr(2));
}

std::string PngWithExif(absl::string_view png, absl::string_view exif) {
  constexpr size_t kPastHeader = 8 + 25;                           // the signature and the IHDR chunk
  const std::string chunk = absl::StrCat("eXIf", exif.substr(6));  // without its heading
  const uLong checksum = crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size()));
  return absl::StrCat(png.substr(0, kPastHeader), BigEndian(chunk.size() - 4, 4), chunk, BigEndian(checksum, 4),
                      png.substr(kPastHeader));
}

std::string WebpWithExif(absl::string_view webp, const Picture& picture, absl::string_view exif) {
  constexpr size_t kRiffHeader = 12;
  const std::string extended = absl::StrCat("VP8X", LittleEndian(10, 4), LittleEndian(0x08, 4),
                                            LittleEndian(static_cast<size_t>(picture.width) - 1, 3),
                                            LittleEndian(static_cast<size_t>(picture.height) - 1, 3));
  const std::string metadata =
      absl::StrCat("EXIF", LittleEndian(exif.size(), 4), exif, std::string(exif.size() % 2, '\0'));
  const std::string chunks = absl::StrCat("WEBP", extended, webp.substr(kRiffHeader), metadata);
  return absl::StrCat("RIFF", LittleEndian(chunks.size(), 4), chunks);
}

}  // namespace likeness
