// The seal of a bundle file: a SHA-256 over the whole file, kept in the comment of the zip archive (docs/bundle.md).
#ifndef LIKENESS_SERVER_SEAL_SEAL_H_
#define LIKENESS_SERVER_SEAL_SEAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/verification/embedding.h"

namespace likeness {

// Checks the seal of a bundle file's bytes and returns the digest of the whole file, seal included.
// FAILED_PRECONDITION when there is no seal, DATA_LOSS when the bytes do not match it.
absl::StatusOr<ModelDigest> VerifySeal(absl::string_view file);

// The bytes of a zip archive that has no comment, with its seal as its comment. INVALID_ARGUMENT for other bytes.
absl::StatusOr<std::string> SealArchive(std::string archive);

}  // namespace likeness

#endif  // LIKENESS_SERVER_SEAL_SEAL_H_
