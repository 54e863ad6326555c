// Turns aligned crops of faces into embeddings.
#ifndef LIKENESS_SERVER_EMBEDDING_EMBEDDER_H_
#define LIKENESS_SERVER_EMBEDDING_EMBEDDER_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/errors/still_wanted.h"
#include "server/image/picture.h"
#include "server/verification/embedding.h"

namespace likeness {

// Thread-safe.
class Embedder {
 public:
  virtual ~Embedder() = default;

  // What the model expects and decides by.
  virtual const BundleManifest& manifest() const = 0;
  virtual const ModelDigest& digest() const = 0;
  // What its network is, apart from what was measured of it; nothing where there is none to tell from others.
  virtual std::optional<NetworkDigest> network() const { return std::nullopt; }

  // One embedding for each crop, in order; each crop is manifest().input_width × input_height. Every number in an
  // embedding is finite. NETWORK_FAILED otherwise.
  virtual absl::StatusOr<std::vector<Embedding>> Embed(absl::Span<const Picture> crops) const = 0;

  // As Embed(), for somebody who may go away: the error of `still_wanted` instead, when the network would run for
  // nobody.
  virtual absl::StatusOr<std::vector<Embedding>> EmbedIfWanted(absl::Span<const Picture> crops,
                                                               StillWanted still_wanted) const {
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    return Embed(crops);
  }
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_EMBEDDING_EMBEDDER_H_
