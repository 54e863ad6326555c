// Photos that are small in bytes and dear to decode, as attackers make them, and large honest ones to tell them from.
#ifndef LIKENESS_TESTS_SUPPORT_COSTLY_PHOTOS_H_
#define LIKENESS_TESTS_SUPPORT_COSTLY_PHOTOS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace likeness {

struct JpegShape {
  int width = 0;
  int height = 0;
  int components = 3;       // 1 grey, 3 YCbCr, 4 CMYK
  int chroma_sampling = 2;  // 2: a quarter of the chroma samples (4:2:0), 1: all of them (4:4:4)
  int scans = 1;            // 1 baseline; 10 what libjpeg writes; 12 with two refinements more; 64 for grey
  bool arithmetic = false;
  bool plain = false;  // one colour, rather than a gradient: a scan is a few bytes
  int noise = 0;       // amplitude of the noise on top
  int pattern = 0;     // amplitude of a pattern that each block repeats: all coefficients, few bytes
  int quality = 90;
};
std::string MakeJpeg(const JpegShape& shape);
// The last scan `times` more.
std::string RepeatLastScan(std::string jpeg, int times);
// The bytes of `segment` (marker and all) `times` behind the file's first two bytes.
std::string WithSegments(absl::string_view jpeg, absl::string_view segment, int times);

struct PngShape {
  int width = 0;
  int height = 0;
  int color_type = 2;  // as in IHDR: 0 grey, 2 RGB, 3 palette, 6 RGBA
  int depth = 8;
  bool interlaced = false;
  bool photo = false;  // noise, rather than a gradient
};
std::string MakePng(const PngShape& shape);
// The chunk `times` in front of the pixels.
std::string WithChunks(absl::string_view png, absl::string_view type, absl::string_view content, int times);
// Text of `bytes` zeros, compressed, as a zTXt chunk holds it.
std::string CompressedText(int bytes);
// A grey picture whose pixels are nothing but the headers of `blocks` empty blocks.
std::string PngOfEmptyBlocks(int width, int height, int blocks);
// As many empty IDAT chunks in front of the first.
std::string PngOfEmptyChunks(const std::string& png, int chunks);

// One colour, lossless, in a few bytes.
std::string MakePlainLosslessWebp(int width, int height);
// Lossy; with an alpha channel where `alpha`.
std::string MakeLossyWebp(int width, int height, bool alpha, int noise);
// Lossless with `noise` in the lowest bits.
std::string MakeLosslessWebp(int width, int height, int noise);

// Lossless, 1024 x 1024, with a group of prefix codes for each of its blocks of pixels.
std::string WebpOfPrefixCodes();

// An EXIF block (with its heading) whose one directory is named `pointers` times by itself.
std::string ExifOfSelfPointers(int pointers);
// An EXIF block of directories in a ring, each of which names the next `pointers` times.
std::string ExifOfNestedPointers(int directories, int pointers);

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_COSTLY_PHOTOS_H_
