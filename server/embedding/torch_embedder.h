// The embedder that runs a bundle's TorchScript network.
#ifndef LIKENESS_SERVER_EMBEDDING_TORCH_EMBEDDER_H_
#define LIKENESS_SERVER_EMBEDDING_TORCH_EMBEDDER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/embedding/embedder.h"
#include "server/inference/archive.h"

namespace likeness {

class TorchEmbedder : public Embedder {
 public:
  // Loads an embedding bundle onto `device`, where it computes in `precision`, checks that the network does what the
  // manifest says, and warms it up. Errors name the file and what is wrong with it.
  static absl::StatusOr<std::unique_ptr<TorchEmbedder>> Load(const VerifiedBundle& bundle, const Device& device,
                                                             Precision precision = Precision::kFp32);
  // The same of a file, whichever bundle it is.
  static absl::StatusOr<std::unique_ptr<TorchEmbedder>> Load(const std::string& path, const Device& device,
                                                             Precision precision = Precision::kFp32);

  const BundleManifest& manifest() const override { return manifest_; }
  const ModelDigest& digest() const override { return digest_; }
  std::optional<NetworkDigest> network() const override { return network_digest_; }
  absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture> crops) const override;

 private:
  TorchEmbedder(Network network, BundleManifest manifest, const Archive& archive);
  // Runs a grey picture through the network and holds the result against the manifest.
  absl::Status CheckAgainstManifest() const;

  Network network_;
  BundleManifest manifest_;
  ModelDigest digest_;
  NetworkDigest network_digest_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_EMBEDDING_TORCH_EMBEDDER_H_
