#include "tests/support/costly_photos.h"

#include <gtest/gtest.h>
#include <png.h>
#include <webp/encode.h>
#include <zlib.h>

// After <cstdio> by way of the others: jpeglib.h needs it.
#include <jpeglib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

std::string BigEndian(size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string Chunk(absl::string_view type, absl::string_view content) {
  const std::string checked = absl::StrCat(type, content);
  const uLong checksum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return absl::StrCat(BigEndian(content.size(), 4), checked, BigEndian(checksum, 4));
}

std::string Deflated(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string packed(size, '\0');
  EXPECT_EQ(compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                      text.size(), 9),
            Z_OK);
  packed.resize(size);
  return packed;
}

constexpr size_t kPngBeforeChunks = 8 + 25;  // the signature and the IHDR chunk

// libjpeg's progressive script for colour (jcparam.c), with room for refinements of the first AC bands: 12 scans.
std::vector<jpeg_scan_info> TwelveScans() {
  return {{3, {0, 1, 2, 0}, 0, 0, 0, 1}, {1, {0}, 1, 5, 0, 3},  {1, {2}, 1, 63, 0, 1}, {1, {1}, 1, 63, 0, 1},
          {1, {0}, 6, 63, 0, 3},         {1, {0}, 1, 63, 3, 2}, {1, {0}, 1, 63, 2, 1}, {3, {0, 1, 2, 0}, 0, 0, 1, 0},
          {1, {2}, 1, 63, 1, 0},         {1, {1}, 1, 63, 1, 0}, {1, {0}, 1, 31, 1, 0}, {1, {0}, 32, 63, 1, 0}};
}

// A scan for each coefficient of a grey picture.
std::vector<jpeg_scan_info> SixtyFourScans() {
  std::vector<jpeg_scan_info> scans;
  for (int i = 0; i < 64; ++i) scans.push_back({1, {0}, i, i, 0, 0});
  return scans;
}

uint8_t Gradient(int x, int width) { return static_cast<uint8_t>(20 + x * 160 / width); }

// Below `amplitude`.
int Noise(int amplitude, std::minstd_rand& random) {
  return amplitude == 0 ? 0 : static_cast<int>((random() >> 8) % static_cast<unsigned>(amplitude));
}

uint8_t Sample(const JpegShape& shape, int x, int y, std::minstd_rand& random) {
  const int pattern = shape.pattern == 0 ? 0 : (x % 8 * 37 + y % 8 * 91) * 7 % shape.pattern;
  const int smooth = shape.plain ? 100 : Gradient(x, shape.width);
  return static_cast<uint8_t>(std::min(255, smooth + pattern + Noise(shape.noise, random)));
}

}  // namespace

std::string MakeJpeg(const JpegShape& shape) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = static_cast<JDIMENSION>(shape.width);
  jpeg.image_height = static_cast<JDIMENSION>(shape.height);
  jpeg.input_components = shape.components;
  jpeg.in_color_space = shape.components == 1 ? JCS_GRAYSCALE : shape.components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, shape.quality, TRUE);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = shape.components == 3 ? shape.chroma_sampling : 1;
  const std::vector<jpeg_scan_info> script = shape.scans == 64 ? SixtyFourScans() : TwelveScans();
  if (shape.scans > 10) {
    jpeg.scan_info = script.data();
    jpeg.num_scans = static_cast<int>(script.size());
  } else if (shape.scans > 1) {
    jpeg_simple_progression(&jpeg);
  }
  jpeg.arith_code = shape.arithmetic;
  jpeg_start_compress(&jpeg, TRUE);
  std::minstd_rand random(1);
  std::vector<uint8_t> row(static_cast<size_t>(shape.width) * static_cast<size_t>(shape.components));
  uint8_t* rows = row.data();
  for (int y = 0; y < shape.height; ++y) {
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = Sample(shape, static_cast<int>(i) / shape.components, y, random);
    }
    jpeg_write_scanlines(&jpeg, &rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return file;
}

std::string RepeatLastScan(std::string jpeg, int times) {
  const size_t last_scan = jpeg.rfind("\xFF\xDA");
  const std::string scan = jpeg.substr(last_scan, jpeg.size() - 2 - last_scan);
  jpeg.resize(jpeg.size() - 2);
  for (int i = 0; i < times; ++i) jpeg += scan;
  return jpeg + "\xFF\xD9";
}

std::string WithSegments(absl::string_view jpeg, absl::string_view segment, int times) {
  std::string file(jpeg.substr(0, 2));
  for (int i = 0; i < times; ++i) absl::StrAppend(&file, segment);
  return absl::StrCat(file, jpeg.substr(2));
}

std::string MakePng(const PngShape& shape) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep bytes, size_t size) {
        static_cast<std::string*>(png_get_io_ptr(writer))->append(reinterpret_cast<const char*>(bytes), size);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), shape.depth,
               shape.color_type, shape.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
  const png_color palette[2] = {{200, 30, 30}, {30, 30, 200}};
  if (shape.color_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
  png_set_compression_level(png, shape.photo ? 6 : 1);
  png_set_filter(png, 0, PNG_FILTER_PAETH);
  png_write_info(png, info);
  const int passes = shape.interlaced ? png_set_interlace_handling(png) : 1;
  std::vector<uint8_t> row(png_get_rowbytes(png, info));
  const int pixel_bytes = std::max(1, static_cast<int>(row.size()) / shape.width);
  std::minstd_rand random(1);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < shape.height; ++y) {
      for (size_t i = 0; i < row.size(); ++i) {
        row[i] =
            shape.color_type == PNG_COLOR_TYPE_PALETTE ? 0 : Gradient(static_cast<int>(i) / pixel_bytes, shape.width);
        // Nearly every pixel of a photo differs; this many fit into ten megabytes.
        if (shape.photo && i % 7 == 0) row[i] = static_cast<uint8_t>(row[i] + (random() >> 8) % 2);
      }
      png_write_row(png, row.data());
    }
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

std::string WithChunks(absl::string_view png, absl::string_view type, absl::string_view content, int times) {
  const std::string chunk = Chunk(type, content);
  std::string file(png.substr(0, kPngBeforeChunks));
  for (int i = 0; i < times; ++i) file += chunk;
  return absl::StrCat(file, png.substr(kPngBeforeChunks));
}

std::string CompressedText(int bytes) {
  return absl::StrCat("Comment", std::string(2, '\0'), Deflated(std::string(static_cast<size_t>(bytes), '\0')));
}

std::string PngOfEmptyBlocks(int width, int height, int blocks) {
  std::string deflated = "\x78\x9C";
  unsigned held = 0;
  int bits = 0;
  const auto put = [&](unsigned value, int count) {
    held |= value << bits;
    for (bits += count; bits >= 8; bits -= 8, held >>= 8) deflated.push_back(static_cast<char>(held & 0xFF));
  };
  for (int i = 0; i < blocks; ++i) {
    put(0, 1);  // not the last
    put(2, 2);  // a code of its own
    put(0, 5), put(0, 5), put(14, 4);
    // RFC 1951, 3.2.7: the lengths of the code-length code, 18 of them. Symbols 18 (zeros) and 1 have one bit.
    for (int k = 0; k < 18; ++k) put(k == 2 || k == 17 ? 1 : 0, 3);
    put(1, 1), put(127, 7);  // 138 zeros
    put(1, 1), put(107, 7);  // 118 zeros
    put(0, 1), put(0, 1);    // the end of the block has one bit, and the one distance too
    put(0, 1);               // the end of the block
  }
  put(0, 7);
  std::string header =
      absl::StrCat(BigEndian(static_cast<size_t>(width), 4), BigEndian(static_cast<size_t>(height), 4));
  header += std::string("\x08\0\0\0\0", 5);
  return absl::StrCat("\x89PNG\r\n\x1A\n", Chunk("IHDR", header), Chunk("IDAT", deflated), Chunk("IEND", ""));
}

std::string PngOfEmptyChunks(const std::string& png, int chunks) {
  const std::string empty = Chunk("IDAT", "");
  const size_t pixels = png.find("IDAT") - 4;
  std::string file = png.substr(0, pixels);
  for (int i = 0; i < chunks; ++i) file += empty;
  return file + png.substr(pixels);
}

std::string MakePlainLosslessWebp(int width, int height) {
  // One colour needs no bits for a pixel, so the header may say any size: 14 bits each behind a byte of signature.
  std::string webp = EncodeWebp(PlainPicture(32, 32, {90, 60, 30}));
  const size_t sizes = webp.find("VP8L") + 8 + 1;
  const unsigned packed = static_cast<unsigned>(width - 1) | static_cast<unsigned>(height - 1) << 14;
  for (size_t i = 0; i < 3; ++i) webp[sizes + i] = static_cast<char>(packed >> (8 * i));
  webp[sizes + 3] = static_cast<char>((static_cast<unsigned>(webp[sizes + 3]) & 0xF0) | (packed >> 24 & 0x0F));
  return webp;
}

namespace {

std::string EncodeWebpOf(int width, int height, bool alpha, int noise, bool lossless) {
  WebPConfig config;
  EXPECT_TRUE(WebPConfigInit(&config));
  config.quality = lossless ? 0 : 75;
  config.method = 0;
  config.lossless = lossless;
  config.alpha_compression = 1;
  WebPPicture picture;
  EXPECT_TRUE(WebPPictureInit(&picture));
  picture.use_argb = 1;
  picture.width = width;
  picture.height = height;
  EXPECT_TRUE(WebPPictureAlloc(&picture));
  std::minstd_rand random(1);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const uint32_t grey = Gradient(x, width) + static_cast<uint32_t>(Noise(noise, random));
      const uint32_t opacity = alpha ? static_cast<uint32_t>(x * 31 / width + 200 + Noise(noise / 2, random)) : 255;
      picture.argb[y * picture.argb_stride + x] = opacity << 24 | grey << 16 | (grey / 2) << 8 | (255 - grey);
    }
  }
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  EXPECT_TRUE(WebPEncode(&config, &picture));
  std::string webp(reinterpret_cast<const char*>(writer.mem), writer.size);
  WebPPictureFree(&picture);
  WebPMemoryWriterClear(&writer);
  return webp;
}

}  // namespace

std::string MakeLossyWebp(int width, int height, bool alpha, int noise) {
  return EncodeWebpOf(width, height, alpha, noise, /*lossless=*/false);
}

std::string MakeLosslessWebp(int width, int height, int noise) {
  return EncodeWebpOf(width, height, /*alpha=*/false, noise, /*lossless=*/true);
}

std::string WebpOfPrefixCodes() {
  constexpr unsigned kSide = 1024, kGroups = 65536;
  std::string bits_of;
  uint64_t held = 0;
  int bits = 0;
  const auto put = [&](unsigned value, int count) {
    held |= uint64_t{value} << bits;
    for (bits += count; bits >= 8; bits -= 8, held >>= 8) bits_of.push_back(static_cast<char>(held & 0xFF));
  };
  const auto put_one_symbol = [&] { put(0b0001, 4); };
  const auto put_256_symbols = [&] {  // of eight bits each
    put(0, 1), put(12 - 4, 4);
    for (int i = 0; i < 11; ++i) put(0, 3);
    put(1, 3);                          // all lengths are 8, so that none of them needs a bit
    put(1, 1), put(3, 3), put(254, 8);  // of 256 symbols
  };
  const auto put_symbol = [&](unsigned symbol) {
    for (int i = 7; i >= 0; --i) put(symbol >> i & 1, 1);
  };
  put(0x2F, 8), put(kSide - 1, 14), put(kSide - 1, 14), put(0, 4);
  put(0, 1), put(0, 1);             // no transform, no cache
  put(1, 1), put(0, 3), put(0, 1);  // groups, for blocks of 4 x 4 pixels, named by a picture without cache
  put_256_symbols(), put_256_symbols(), put_one_symbol(), put_one_symbol(), put_one_symbol();
  for (unsigned group = 0; group < kGroups; ++group) put_symbol(group & 0xFF), put_symbol(group >> 8);
  for (unsigned code = 0; code < 5 * kGroups; ++code) put_one_symbol();
  put(0, 16);
  const auto little_endian = [](size_t value) {
    std::string text;
    for (int i = 0; i < 4; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
    return text;
  };
  if (bits_of.size() % 2 == 1) bits_of.push_back('\0');
  return absl::StrCat("RIFF", little_endian(12 + bits_of.size()), "WEBPVP8L", little_endian(bits_of.size()), bits_of);
}

std::string ExifOfSelfPointers(int pointers) {
  std::string exif("Exif\0\0MM\0*\0\0\0\x08", 14);
  exif += BigEndian(static_cast<size_t>(pointers), 2);
  for (int i = 0; i < pointers; ++i) exif += BigEndian(0x8769, 2) + BigEndian(4, 2) + BigEndian(1, 4) + BigEndian(8, 4);
  return exif + BigEndian(0, 4);
}

std::string ExifOfNestedPointers(int directories, int pointers) {
  std::string exif("Exif\0\0MM\0*\0\0\0\x08", 14);
  for (int directory = 0; directory < directories; ++directory) {
    const size_t next = static_cast<size_t>(8 + (directory + 1) % directories * (6 + 12 * pointers));
    exif += BigEndian(static_cast<size_t>(pointers), 2);
    for (int i = 0; i < pointers; ++i) {
      exif += BigEndian(i % 3 == 0   ? 0x8769
                        : i % 3 == 1 ? 0x8825
                                     : 0xA005,
                        2) +
              BigEndian(4, 2) + BigEndian(1, 4) + BigEndian(next, 4);
    }
    exif += BigEndian(next, 4);
  }
  return exif;
}

}  // namespace likeness
