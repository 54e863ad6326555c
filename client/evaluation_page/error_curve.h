// Both error rates at every threshold worth drawing.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_ERROR_CURVE_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_ERROR_CURVE_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace likeness {

// The most points of a curve, so that a page of a hundred million pairs still opens at once.
inline constexpr size_t kMostCurvePoints = 2000;

struct ErrorPoint {
  // The largest distance that is verified; finite.
  double threshold = 0;
  // FMR: the share of impostor pairs that are verified, 0 to 1.
  double false_match_rate = 0;
  // FNMR: the share of genuine pairs that are not verified, 0 to 1.
  double false_non_match_rate = 0;
};

// The rates at one threshold, counted over all pairs. Both spans are in ascending order and not empty; infinities count
// as pairs that are always (−) or never (+) verified.
ErrorPoint ErrorsAt(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor,
                    double threshold);

// The rates at up to `most` (4 or more) of the finite distances, in ascending order of the threshold; at all of them
// where there are no more. Otherwise half of the points of each kind are spread evenly over its pairs, and half ever
// closer towards its tail that makes errors: the smallest impostor and the largest genuine distances, where logarithmic
// and normal-deviate axes show single pairs. Every point is counted over all pairs. Empty where a kind has no pair.
std::vector<ErrorPoint> ErrorCurve(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor,
                                   size_t most = kMostCurvePoints);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_ERROR_CURVE_H_
