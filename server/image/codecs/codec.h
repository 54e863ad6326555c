// One photo format each: the header first, so that its claims can be checked, then the pixels. Private to image/.
#ifndef LIKENESS_SERVER_IMAGE_CODECS_CODEC_H_
#define LIKENESS_SERVER_IMAGE_CODECS_CODEC_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/image/codecs/decode_budget.h"
#include "server/image/codecs/orientation.h"
#include "server/image/picture.h"

namespace likeness {

struct PhotoHeader {
  int width = 0;  // as stored, before the orientation is applied
  int height = 0;
  Orientation orientation = Orientation::kUpright;
};

class Codec {
 public:
  virtual ~Codec() = default;
  const PhotoHeader& header() const { return header_; }
  // The pixels as stored, possibly at reduced size; at most once. PHOTO_CORRUPT unless every one of them could be read,
  // PHOTO_TOO_COSTLY or what `budget` says.
  virtual absl::StatusOr<Picture> Decode(DecodeBudget& budget) = 0;

 protected:
  PhotoHeader header_;
};

// Each reads the header only. `bytes` must outlive the codec. PHOTO_CORRUPT, or PHOTO_FORMAT_UNSUPPORTED for a variant
// of the format that is not read.
absl::StatusOr<std::unique_ptr<Codec>> OpenJpeg(absl::string_view bytes);
absl::StatusOr<std::unique_ptr<Codec>> OpenPng(absl::string_view bytes);
absl::StatusOr<std::unique_ptr<Codec>> OpenWebp(absl::string_view bytes);
absl::StatusOr<std::unique_ptr<Codec>> OpenPnm(absl::string_view bytes);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CODECS_CODEC_H_
