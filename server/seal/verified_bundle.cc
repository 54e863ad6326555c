#include "server/seal/verified_bundle.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/files/files.h"
#include "server/seal/seal.h"

namespace likeness {

absl::StatusOr<VerifiedBundle> VerifiedBundle::Read(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadWholeFile(path);
  if (!bytes.ok()) return absl::Status(bytes.status().code(), absl::StrCat("model bundle ", bytes.status().message()));
  const absl::StatusOr<ModelDigest> digest = VerifySeal(*bytes);
  if (!digest.ok()) {
    return absl::Status(digest.status().code(), absl::StrCat("model bundle ", path, ": ", digest.status().message()));
  }
  return VerifiedBundle(std::make_shared<const Content>(Content{path, *std::move(bytes), *digest}));
}

}  // namespace likeness
