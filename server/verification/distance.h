// The distance between two embeddings.
#ifndef LIKENESS_SERVER_VERIFICATION_DISTANCE_H_
#define LIKENESS_SERVER_VERIFICATION_DISTANCE_H_

#include "absl/types/span.h"

namespace likeness {

// Euclidean distance between two embeddings of the same size: >= 0, NaN when an element of either is NaN.
// Accumulated in double, so that its error stays far below 1e-6 for a few hundred elements. Thread-safe.
double EuclideanDistance(absl::Span<const float> a, absl::Span<const float> b);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_DISTANCE_H_
