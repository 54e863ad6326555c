#include "server/image/photo.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"
#include "server/image/codecs/orientation.h"

namespace likeness {
namespace {

absl::StatusOr<std::unique_ptr<Codec>> ChooseCodec(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\xFF\xD8\xFF")) return OpenJpeg(bytes);
  if (absl::StartsWith(bytes, "\x89PNG\r\n\x1A\n")) return OpenPng(bytes);
  if (absl::StartsWith(bytes, "RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") return OpenWebp(bytes);
  if (absl::StartsWith(bytes, "P5") || absl::StartsWith(bytes, "P6")) return OpenPnm(bytes);
  return MakeError(Reason::PHOTO_FORMAT_UNSUPPORTED, "the photo is no JPEG, PNG, WebP or binary PNM file");
}

absl::Status CheckSize(const PhotoHeader& header, const PhotoLimits& limits) {
  if (static_cast<int64_t>(header.width) * header.height > limits.max_pixels) {
    return MakeError(Reason::PHOTO_TOO_LARGE, absl::StrCat("the photo has ", header.width, "x", header.height,
                                                           " pixels; at most ", limits.max_pixels, " are accepted"));
  }
  if (std::min(header.width, header.height) < limits.min_side) {
    return MakeError(Reason::PHOTO_TOO_SMALL, absl::StrCat("the photo has ", header.width, "x", header.height,
                                                           " pixels; each side needs ", limits.min_side));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Picture> DecodePhoto(absl::string_view bytes, const PhotoLimits& limits, StillWanted still_wanted) {
  DecodeBudget budget(limits.max_seconds, still_wanted);
  if (bytes.empty()) return MakeError(Reason::PHOTO_EMPTY, "the photo has no bytes");
  if (static_cast<int64_t>(bytes.size()) > limits.max_bytes) {
    return MakeError(Reason::PHOTO_TOO_LARGE, absl::StrCat("the photo has ", bytes.size(), " bytes; at most ",
                                                           limits.max_bytes, " are accepted"));
  }
  const absl::StatusOr<std::unique_ptr<Codec>> codec = ChooseCodec(bytes);
  if (!codec.ok()) return codec.status();
  const PhotoHeader& header = (*codec)->header();
  if (absl::Status size = CheckSize(header, limits); !size.ok()) return size;
  absl::StatusOr<Picture> picture = (*codec)->Decode(budget);
  if (!picture.ok()) return picture.status();
  return MakeUpright(*std::move(picture), header.orientation);
}

}  // namespace likeness
