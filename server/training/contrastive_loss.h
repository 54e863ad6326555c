// The contrastive loss (R. Hadsell, S. Chopra, Y. LeCun: "Dimensionality Reduction by Learning an Invariant Mapping",
// CVPR 2006, equation 4).
#ifndef LIKENESS_SERVER_TRAINING_CONTRASTIVE_LOSS_H_
#define LIKENESS_SERVER_TRAINING_CONTRASTIVE_LOSS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "server/training/face_pair.h"

namespace likeness {

struct LossAndGradient {
  double loss = 0;                // mean over the pairs, >= 0
  std::vector<double> distances;  // of each pair, >= 0
  std::vector<float> gradient;    // of `loss` in respect to the embeddings, in their layout
};

// The loss of a pair whose embeddings lie the distance D apart is D² / 2 where it is genuine and max(0, m − D)² / 2
// where it is an impostor pair, m being the margin.
//
// `embeddings` holds one row of `size` numbers a face; a face may be in several pairs. There is at least one pair. Two
// equal embeddings have no direction to be pushed apart in: their gradient is 0. An embedding that is not finite makes
// a loss that is not. Computed in double. Thread-safe.
LossAndGradient ContrastiveLoss(absl::Span<const float> embeddings, size_t size, absl::Span<const FacePair> pairs,
                                double margin);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_CONTRASTIVE_LOSS_H_
