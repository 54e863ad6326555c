// Embeddings and the digest of the model that made them.
#ifndef LIKENESS_SERVER_VERIFICATION_EMBEDDING_H_
#define LIKENESS_SERVER_VERIFICATION_EMBEDDING_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace likeness {

// SHA-256 of a model bundle. Embeddings with different digests are never compared.
struct ModelDigest {
  std::array<uint8_t, 32> bytes{};

  // 64 lower-case hex digits.
  std::string Hex() const;
  // The digest that Hex() wrote; nothing when `hex` is not 64 hex digits.
  static std::optional<ModelDigest> FromHex(absl::string_view hex);

  friend bool operator==(const ModelDigest&, const ModelDigest&) = default;
};

// A face as a point, and the model in whose space it lies.
struct Embedding {
  ModelDigest model;
  std::vector<float> values;
};

// The embedding of an enrolled photo.
struct ReferenceEmbedding {
  std::string reference_id;
  Embedding embedding;
  // How crowded its place is (cohort.h); absent where the embedding's model has no cohort, or where nobody measured it.
  std::optional<double> crowding = std::nullopt;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_EMBEDDING_H_
