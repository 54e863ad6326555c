// The impostor pairs that a network confuses most.
#ifndef LIKENESS_SERVER_TRAINING_HARDEST_PAIRS_H_
#define LIKENESS_SERVER_TRAINING_HARDEST_PAIRS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "server/training/face_pair.h"

namespace likeness {

// A face of a batch.
struct BatchFace {
  size_t photo = 0;
  int person = 0;
};

// The `count` nearest pairs of faces of different people, the nearest first, as numbers into `faces`; fewer where there
// are not as many. `embeddings` holds one row of `size` numbers a face. A photo that the batch holds twice takes part
// once, so that no pair comes twice. Takes time by the square of the batch. Thread-safe.
std::vector<FacePair> HardestImpostorPairs(absl::Span<const float> embeddings, size_t size,
                                           absl::Span<const BatchFace> faces, size_t count);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_HARDEST_PAIRS_H_
