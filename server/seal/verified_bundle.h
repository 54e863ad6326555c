// A bundle file that has been read and held against its seal: whoever runs it is handed these bytes, and nobody reads
// the file a second time between check and use.
//
//   const absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read("mobilefacenet-192.pt");
//   if (!bundle.ok()) return bundle.status();
//   if (!(bundle->digest() == wanted)) return NotTheOneWanted();
//   const absl::StatusOr<Archive> archive = Archive::Open(*bundle, device);
#ifndef LIKENESS_SERVER_SEAL_VERIFIED_BUNDLE_H_
#define LIKENESS_SERVER_SEAL_VERIFIED_BUNDLE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/verification/embedding.h"

namespace likeness {

// Immutable, so thread-safe. Copies share the bytes.
class VerifiedBundle {
 public:
  // Reads the file, once, and checks its seal. Errors name the file: NOT_FOUND, FAILED_PRECONDITION (no bundle) or
  // DATA_LOSS (an altered one, or one that cannot be read).
  static absl::StatusOr<VerifiedBundle> Read(const std::string& path);

  // Where it was read, for messages: the file may be another one by now.
  const std::string& path() const { return content_->path; }
  absl::string_view bytes() const { return content_->bytes; }
  // SHA-256 of the bytes.
  const ModelDigest& digest() const { return content_->digest; }

 private:
  struct Content {
    std::string path;
    std::string bytes;
    ModelDigest digest;
  };
  explicit VerifiedBundle(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  std::shared_ptr<const Content> content_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_SEAL_VERIFIED_BUNDLE_H_
