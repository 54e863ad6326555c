// From the bytes of a photo to an upright picture.
//
// JPEG, PNG, WebP and binary PNM (P5, P6), told apart by their leading bytes; nothing else reaches a decoder. Size in
// bytes and in pixels is checked before a pixel is decoded. EXIF orientation is applied; grey becomes RGB; transparent
// pixels are laid on white. A large photo is decoded to a half, a quarter or an eighth of its size, so that its shorter
// side keeps 1,000 pixels at least, unless it is so long that the picture would have more than 8 megapixels; then
// positions in the picture are positions in the photo divided by Picture::reduction.
//
// What decoding costs is bounded whatever the bytes ask for: in processor time by PhotoLimits::max_seconds, in memory
// by 180 MB. Nothing that these bounds refuse comes from a camera (docs/security.md).
#ifndef LIKENESS_SERVER_IMAGE_PHOTO_H_
#define LIKENESS_SERVER_IMAGE_PHOTO_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/errors/still_wanted.h"
#include "server/image/picture.h"

namespace likeness {

struct PhotoLimits {
  int64_t max_bytes = 10 << 20;
  int64_t max_pixels = 50'000'000;
  // The shorter side. A face of fewer pixels than this cannot be told from another.
  int min_side = 24;
  // Processor time. The dearest honest photos of 50 megapixels take 0.5 s (docs/security.md).
  double max_seconds = 0.8;
};

inline absl::Status AlwaysWanted() { return absl::OkStatus(); }

// PHOTO_EMPTY, PHOTO_FORMAT_UNSUPPORTED, PHOTO_TOO_LARGE, PHOTO_TOO_COSTLY, PHOTO_TOO_SMALL or PHOTO_CORRUPT.
// `still_wanted` is asked within the decoders; its error ends the work within 100 ms of processor time. Thread-safe.
absl::StatusOr<Picture> DecodePhoto(absl::string_view bytes, const PhotoLimits& limits,
                                    StillWanted still_wanted = AlwaysWanted);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_PHOTO_H_
