#include "server/seal/seal.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

constexpr absl::string_view kSealPrefix = "likeness-sha256:";
constexpr size_t kHexDigits = 64;

// A zip file's last record: this signature, 16 bytes, and the comment's length in two bytes (PKWARE APPNOTE, 4.3.16).
constexpr absl::string_view kEndSignature = "PK\x05\x06";
constexpr size_t kEndRecordSize = 22;
constexpr absl::string_view kNoComment("\0\0", 2);

}  // namespace

absl::StatusOr<ModelDigest> VerifySeal(absl::string_view file) {
  const size_t seal_size = kSealPrefix.size() + kHexDigits;
  if (file.size() < seal_size || file.substr(file.size() - seal_size, kSealPrefix.size()) != kSealPrefix) {
    return absl::FailedPreconditionError("the file carries no seal: it is not a likeness bundle, or was cut off");
  }
  const absl::string_view body = file.substr(0, file.size() - seal_size);
  if (ModelDigest{Sha256(body)}.Hex() != file.substr(file.size() - kHexDigits)) {
    return absl::DataLossError("the file does not match its seal: it was altered or damaged");
  }
  return ModelDigest{Sha256(file)};
}

absl::StatusOr<std::string> SealArchive(std::string archive) {
  if (archive.size() < kEndRecordSize ||
      !absl::StartsWith(absl::string_view(archive).substr(archive.size() - kEndRecordSize), kEndSignature) ||
      !absl::EndsWith(archive, kNoComment)) {
    return absl::InvalidArgumentError("not a zip archive without a comment");
  }
  archive[archive.size() - kNoComment.size()] = static_cast<char>(kSealPrefix.size() + kHexDigits);
  const std::string hex = ModelDigest{Sha256(archive)}.Hex();
  absl::StrAppend(&archive, kSealPrefix, hex);
  return archive;
}

}  // namespace likeness
