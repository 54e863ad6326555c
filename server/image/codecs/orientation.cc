#include "server/image/codecs/orientation.h"

#include <libexif/exif-data.h>

#include <memory>
#include <opencv2/core.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/image/mat.h"

namespace likeness {
namespace {

constexpr absl::string_view kExifHeading("Exif\0\0", 6);

struct ExifUnref {
  void operator()(ExifData* exif) const { exif_data_unref(exif); }
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

Orientation ReadOrientation(absl::string_view jpeg_or_exif) {
  std::string exif_block;
  if (!absl::StartsWith(jpeg_or_exif, "\xFF\xD8") && !absl::StartsWith(jpeg_or_exif, kExifHeading)) {
    exif_block = absl::StrCat(kExifHeading, jpeg_or_exif);  // libexif wants the heading
    jpeg_or_exif = exif_block;
  }
  const std::unique_ptr<ExifData, ExifUnref> exif(exif_data_new_from_data(
      reinterpret_cast<const unsigned char*>(jpeg_or_exif.data()), static_cast<unsigned int>(jpeg_or_exif.size())));
  if (exif == nullptr) return Orientation::kUpright;
  const ExifEntry* entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return Orientation::kUpright;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(exif.get()));
  return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation::kUpright;
}

Picture MakeUpright(Picture stored, Orientation orientation) {
  if (orientation == Orientation::kUpright) return stored;
  const Turn turn = TurnFor(orientation);
  const cv::Mat pixels = View(stored);
  cv::Mat upright;
  if (turn.transpose) {
    cv::transpose(pixels, upright);
    if (turn.flip) cv::flip(upright, upright, turn.flip_code);
  } else {
    cv::flip(pixels, upright, turn.flip_code);
  }
  Picture picture = ToPicture(upright);
  picture.reduction = stored.reduction;
  return picture;
}

}  // namespace likeness
