// Any bytes as a photo.
#include "server/errors/errors.h"
#include "server/image/photo.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace likeness;  // NOLINT(google-build-using-namespace)
  const PhotoLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 18, .min_side = 1};
  const absl::StatusOr<Picture> picture = DecodePhoto(TextOf(data, size), limits);
  if (picture.ok()) {
    const int64_t pixels = int64_t{picture->width} * picture->height;
    Promise(pixels > 0 && pixels <= limits.max_pixels, "a picture has as many pixels as are allowed");
    Promise(static_cast<int64_t>(picture->rgb.size()) == 3 * pixels, "a picture has three bytes a pixel");
  } else {
    Promise(ReasonOf(picture.status()) != Reason::INTERNAL, "an error has a reason");
    Promise(picture.status().code() == absl::StatusCode::kInvalidArgument, "a bad photo is the caller's mistake");
  }
  return 0;
}
