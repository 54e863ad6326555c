#include "server/image/codecs/orientation.h"

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "server/image/mat.h"

namespace likeness {
namespace {

constexpr absl::string_view kExifHeading("Exif\0\0", 6);

// TIFF 6.0, section 2: a directory is a count of entries of twelve bytes: tag, type, count, value.
constexpr size_t kEntryBytes = 12;
constexpr size_t kOrientationTag = 0x0112;

// The bytes of a whole number of that type; 0 for other types. The standard says SHORT; some programs write others.
int BytesOf(size_t type) {
  switch (type) {
    case 1:  // BYTE
      return 1;
    case 3:  // SHORT
      return 2;
    case 4:  // LONG
      return 4;
    default:
      return 0;
  }
}

struct TiffReader {
  absl::string_view tiff;
  bool little_endian = false;

  // 0 where the block ends before.
  size_t Number(size_t at, int bytes) const {
    const size_t size = static_cast<size_t>(bytes);
    if (at > tiff.size() || size > tiff.size() - at) return 0;
    size_t number = 0;
    for (size_t i = 0; i < size; ++i) {
      number = number << 8 | static_cast<uint8_t>(tiff[at + (little_endian ? size - 1 - i : i)]);
    }
    return number;
  }
};

// OpenCV's name for the transposition and flip that make a picture upright.
struct Turn {
  bool transpose = false;
  bool flip = false;
  int flip_code = 0;  // 0 up-down, 1 left-right, -1 both
};

Turn TurnFor(Orientation orientation) {
  switch (orientation) {
    case Orientation::kUpright:
      return {};
    case Orientation::kMirrored:
      return {false, true, 1};
    case Orientation::kHalfTurn:
      return {false, true, -1};
    case Orientation::kFlipped:
      return {false, true, 0};
    case Orientation::kTransposed:
      return {true, false, 0};
    case Orientation::kQuarterTurnRight:
      return {true, true, 1};
    case Orientation::kTransversed:
      return {true, true, -1};
    case Orientation::kQuarterTurnLeft:
      return {true, true, 0};
  }
  return {};
}

}  // namespace

bool IsExif(absl::string_view app1) { return absl::StartsWith(app1, kExifHeading); }

Orientation ReadOrientation(absl::string_view exif) {
  if (IsExif(exif)) exif.remove_prefix(kExifHeading.size());
  const bool little_endian = absl::StartsWith(exif, "II");
  if (!little_endian && !absl::StartsWith(exif, "MM")) return Orientation::kUpright;
  const TiffReader tiff{exif, little_endian};
  const size_t directory = tiff.Number(4, 4);
  const size_t entries = tiff.Number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) break;
    if (tiff.Number(entry, 2) != kOrientationTag) continue;
    const bool is_one = tiff.Number(entry + 4, 4) == 1;
    const size_t value = is_one ? tiff.Number(entry + 8, BytesOf(tiff.Number(entry + 2, 2))) : 0;
    return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation::kUpright;
  }
  return Orientation::kUpright;
}

Picture MakeUpright(Picture stored, Orientation orientation) {
  if (orientation == Orientation::kUpright) return stored;
  const Turn turn = TurnFor(orientation);
  // Into the picture itself: of a large one there are never more than two.
  Picture picture{stored.width, stored.height, std::vector<uint8_t>(stored.rgb.size()), stored.reduction};
  if (turn.transpose) std::swap(picture.width, picture.height);
  cv::Mat upright = View(picture);
  if (turn.transpose) {
    cv::transpose(View(stored), upright);
    if (turn.flip) cv::flip(upright, upright, turn.flip_code);
  } else {
    cv::flip(View(stored), upright, turn.flip_code);
  }
  return picture;
}

}  // namespace likeness
