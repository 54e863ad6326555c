// What embeds a gallery by another model, page by page.
#ifndef LIKENESS_SERVER_MODELS_EMBEDDING_PASS_H_
#define LIKENESS_SERVER_MODELS_EMBEDDING_PASS_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/gallery/gallery.h"
#include "server/models/damaged_crops.h"
#include "server/models/embedding_map.h"
#include "server/models/generation.h"

namespace likeness {

// A model on its way, and where its embeddings come from.
struct Transition {
  Generation next;
  std::optional<EmbeddingMap> map;  // of embeddings by the active model
  EmbeddingSources sources;
};

// From the generation that answers to `next`.
Transition TransitionTo(const Generation& active, Generation next);

// Not thread-safe.
class EmbeddingPass {
 public:
  // `check` says whether to go on; its error ends the work. `on_added` hears how many references are embedded more. All
  // must outlive it.
  EmbeddingPass(Gallery& gallery, const Transition& transition, std::function<absl::Status()> check,
                std::function<void(int64_t)> on_added);

  // Embeds references until none is left, or `most` and a few are done; returns how many it were. `damaged` hears of
  // those that stay behind for their crops.
  absl::StatusOr<int64_t> EmbedUpTo(int64_t most, DamagedCrops& damaged);

 private:
  // Those that have an embedding to be mapped, and those that have a crop.
  absl::Status AddMapped(absl::Span<const UnembeddedReference> references);
  // Those whose crop is damaged are noted and passed over; `embedded` is made greater by how many were not.
  absl::Status AddEmbedded(absl::Span<const UnembeddedReference> references, DamagedCrops& damaged, int64_t& embedded);
  absl::Status Add(absl::Span<const UnembeddedReference> references, absl::Span<const Embedding> embeddings);

  Gallery& gallery_;
  const Transition& transition_;
  const std::function<absl::Status()> check_;
  const std::function<void(int64_t)> on_added_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_EMBEDDING_PASS_H_
