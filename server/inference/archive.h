// A sealed TorchScript archive: the file format of every model bundle (docs/bundle.md).
#ifndef LIKENESS_SERVER_INFERENCE_ARCHIVE_H_
#define LIKENESS_SERVER_INFERENCE_ARCHIVE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/hashing/sha256.h"
#include "server/inference/device.h"
#include "server/inference/network.h"
#include "server/seal/verified_bundle.h"
#include "server/verification/embedding.h"
#include "server/verification/linear_head.h"

namespace likeness {

// Immutable after Open(), so thread-safe.
class Archive {
 public:
  // Loads the module onto `device`. FAILED_PRECONDITION, naming the file, where it is no bundle.
  static absl::StatusOr<Archive> Open(const VerifiedBundle& bundle, const Device& device);
  // The same of a file, whichever bundle it is: also the errors of VerifiedBundle::Read().
  static absl::StatusOr<Archive> Open(const std::string& path, const Device& device);

  // SHA-256 of the file.
  const ModelDigest& digest() const { return digest_; }

  // SHA-256 over everything in the archive but its likeness.json: the same for the same network, however it was
  // measured.
  const Sha256Digest& network_digest() const { return network_digest_; }

  // The text of the archive's likeness.json.
  const std::string& manifest() const { return manifest_; }

  // The archive's module, or the submodule of that name, ready to run. FAILED_PRECONDITION when there is none, or when
  // its device does not compute in that precision. Input and output are 32-bit floats in any case. With `trial`, the
  // shape of an input, the network is tried once, and left as it is where it runs only without LibTorch's optimizer.
  absl::StatusOr<Network> LoadNetwork(absl::string_view submodule = "", Precision precision = Precision::kFp32,
                                      absl::Span<const int64_t> trial = {}) const;

  // The archive's module with one more layer behind it, as the bytes of an archive without a seal that carries
  // `manifest_json`. FAILED_PRECONDITION where LibTorch cannot write it.
  absl::StatusOr<std::string> SaveWithHead(const LinearHead& head, const std::string& manifest_json) const;

 private:
  struct Module;

  std::string path_;
  ModelDigest digest_;
  Sha256Digest network_digest_{};
  std::string manifest_;
  std::shared_ptr<const Module> module_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_ARCHIVE_H_
