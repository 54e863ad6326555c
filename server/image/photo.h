// From the bytes of a photo to an upright picture.
//
// JPEG, PNG, WebP and binary PNM (P5, P6), told apart by their leading bytes; nothing else reaches a decoder. Size in
// bytes and in pixels is checked before a pixel is decoded. EXIF orientation is applied; grey becomes RGB; transparent
// pixels are laid on white. A large JPEG is decoded at a half, a quarter or an eighth of its size, so that its shorter
// side keeps 1,000 pixels at least; then positions in the picture are positions in the photo divided by
// Picture::reduction.
#ifndef LIKENESS_SERVER_IMAGE_PHOTO_H_
#define LIKENESS_SERVER_IMAGE_PHOTO_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/image/picture.h"

namespace likeness {

struct PhotoLimits {
  int64_t max_bytes = 10 << 20;
  int64_t max_pixels = 50'000'000;
  // The shorter side. A face of fewer pixels than this cannot be told from another.
  int min_side = 24;
};

// PHOTO_EMPTY, PHOTO_FORMAT_UNSUPPORTED, PHOTO_TOO_LARGE, PHOTO_TOO_SMALL or PHOTO_CORRUPT. Thread-safe.
absl::StatusOr<Picture> DecodePhoto(absl::string_view bytes, const PhotoLimits& limits);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_PHOTO_H_
