// An embedder without a network: a photo's embedding is its mean colour, so that distances are plain to see.
#ifndef LIKENESS_TESTS_SUPPORT_FAKE_EMBEDDER_H_
#define LIKENESS_TESTS_SUPPORT_FAKE_EMBEDDER_H_

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "server/embedding/embedder.h"

namespace likeness {

// Mean red, green and blue, 0…1 each: {1, 0, 0} for a red picture.
std::vector<float> MeanColour(const Picture& crop);

// Thread-safe as long as `embed` is.
class FakeEmbedder : public Embedder {
 public:
  // A model that takes the whole photo, resized to 8×8, and makes embeddings of three numbers.
  FakeEmbedder();

  const BundleManifest& manifest() const override { return manifest_; }
  const ModelDigest& digest() const override { return digest_; }
  std::optional<NetworkDigest> network() const override { return network_; }
  absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture> crops) const override;

  // How many crops were embedded.
  int calls() const { return calls_; }

  // Set before the first call.
  std::function<absl::StatusOr<std::vector<float>>(const Picture& crop)> embed = MeanColour;
  void set_digest(const ModelDigest& digest) { digest_ = digest; }
  void set_network(const NetworkDigest& network) { network_ = network; }
  BundleManifest& mutable_manifest() { return manifest_; }

 private:
  BundleManifest manifest_;
  ModelDigest digest_;
  std::optional<NetworkDigest> network_;
  mutable std::atomic<int> calls_ = 0;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_FAKE_EMBEDDER_H_
