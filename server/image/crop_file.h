// Crops as files, without loss.
#ifndef LIKENESS_SERVER_IMAGE_CROP_FILE_H_
#define LIKENESS_SERVER_IMAGE_CROP_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/image/picture.h"

namespace likeness {

// A lossless WebP file; about half the bytes of the pixels. INTERNAL when there is no memory for it. Thread-safe.
absl::StatusOr<std::string> EncodeCropFile(const Picture& crop);

// The crop that EncodeCropFile() wrote. STORE_CORRUPT when it is something else. Thread-safe.
absl::StatusOr<Picture> DecodeCropFile(absl::string_view file);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CROP_FILE_H_
