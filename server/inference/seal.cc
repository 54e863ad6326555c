#include "server/inference/seal.h"

#include "server/hashing/sha256.h"

namespace likeness {
namespace {

constexpr absl::string_view kSealPrefix = "likeness-sha256:";
constexpr size_t kHexDigits = 64;

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

}  // namespace likeness
