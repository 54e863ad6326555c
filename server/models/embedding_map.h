// Embeddings by one model made into those by another, without a network.
//
// Two models may have one network, measured twice, or networks that differ in nothing but a linear layer at the end
// (server/verification/linear_head.h). Then whoever has an embedding by one needs no photo for that by the other.
#ifndef LIKENESS_SERVER_MODELS_EMBEDDING_MAP_H_
#define LIKENESS_SERVER_MODELS_EMBEDDING_MAP_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/embedding/embedder.h"

namespace likeness {

// Immutable, thread-safe.
class EmbeddingMap {
 public:
  // Takes one layer away, then puts another one on; null is none. With neither, embeddings stay what they are.
  EmbeddingMap(std::shared_ptr<const BundleHead> taken_away, std::shared_ptr<const BundleHead> put_on)
      : taken_away_(std::move(taken_away)), put_on_(std::move(put_on)) {}

  // NaN where an embedding is none of the first model's.
  std::vector<float> Map(absl::Span<const float> embedding) const;

 private:
  std::shared_ptr<const BundleHead> taken_away_;
  std::shared_ptr<const BundleHead> put_on_;
};

// Whether two models take the same crops and make embeddings of the same size, without which there is no map.
bool MayBeMapped(const BundleManifest& from, const BundleManifest& to);

// How embeddings by `from` become embeddings by `to`; nothing where only crops and the network of `to` help. What the
// bundles say of their layers is not believed: both networks embed a few pictures, and where an embedding by `to` is
// not what becomes of that by `from`, there is no map, which is logged.
std::optional<EmbeddingMap> MapBetween(const Embedder& from, const Embedder& to);

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_EMBEDDING_MAP_H_
