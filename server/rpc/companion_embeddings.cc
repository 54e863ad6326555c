#include "server/rpc/companion_embeddings.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"

namespace likeness {

absl::StatusOr<std::vector<Embedding>> EmbedByCompanions(const FaceEncoder& encoder, const Companions& companions,
                                                         const Embedder& embedder, const EncodedFace& face,
                                                         absl::string_view photo, FacePolicy policy,
                                                         StillWanted still_wanted) {
  std::vector<Embedding> embeddings;
  for (const auto& companion : companions.models) {
    const Embedder& other = *companion->generation.embedder;
    if (companion->map.has_value() && companion->made_for == embedder.digest()) {
      std::vector<float> values = companion->map->Map(face.embedding.values);
      if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
        return MakeError(Reason::NETWORK_FAILED, "the model that is being activated has no embedding for the face");
      }
      embeddings.push_back({other.digest(), std::move(values)});
    } else if (CropKindOf(other.manifest()) == CropKindOf(embedder.manifest())) {
      absl::StatusOr<std::vector<Embedding>> embedded = other.EmbedIfWanted({&face.crop, 1}, still_wanted);
      if (!embedded.ok()) return embedded.status();
      embeddings.push_back(std::move(embedded->front()));
    } else {
      absl::StatusOr<EncodedFace> encoded = encoder.Encode(other, photo, policy, still_wanted);
      if (!encoded.ok()) return encoded.status();
      embeddings.push_back(std::move(encoded->embedding));
    }
  }
  return embeddings;
}

}  // namespace likeness
