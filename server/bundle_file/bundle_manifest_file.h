// The likeness.json inside a bundle's file, without LibTorch.
#ifndef LIKENESS_SERVER_BUNDLE_FILE_BUNDLE_MANIFEST_FILE_H_
#define LIKENESS_SERVER_BUNDLE_FILE_BUNDLE_MANIFEST_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace likeness {

// Both take the bytes of a sealed bundle (docs/bundle.md) and fail with FAILED_PRECONDITION where they are none, and
// with DATA_LOSS where they do not match their seal. Pure, thread-safe.

// The text of its likeness.json.
absl::StatusOr<std::string> ReadBundleManifest(absl::string_view bundle);

// The bytes of the same bundle with another likeness.json, sealed anew: another digest, the same network. What the text
// says is not checked.
absl::StatusOr<std::string> ReplaceBundleManifest(absl::string_view bundle, absl::string_view manifest);

}  // namespace likeness

#endif  // LIKENESS_SERVER_BUNDLE_FILE_BUNDLE_MANIFEST_FILE_H_
