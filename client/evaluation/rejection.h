// What refusing the photos of lowest quality does to the errors of the rest: the error-versus-discard characteristic of
// ISO/IEC 29794-1 (P. Grother and E. Tabassi, "Performance of biometric quality measures", 2007).
#ifndef LIKENESS_CLIENT_EVALUATION_REJECTION_H_
#define LIKENESS_CLIENT_EVALUATION_REJECTION_H_

#include <vector>

#include "client/evaluation/comparisons.h"
#include "client/evaluation/measured_pairs.h"
#include "server/statistics/figures.h"

namespace likeness {

struct RejectionStep {
  double rejected = 0;              // the share of genuine pairs that is left out, 0 to 1
  double false_non_match_rate = 0;  // of the others, at the threshold, 0 to 1
};

struct RejectionCurve {
  double target = 0;                 // the false match rate of the threshold, over all pairs
  double threshold = 0;              // the distance
  std::vector<RejectionStep> steps;  // at 0, 2, 4, … 50 %
};

// A pair is as good as the worse of its two photos; those with the worst are left out first. Rejecting at random would
// leave the rate where it is. `measured.quality` must not be empty.
RejectionCurve MeasureRejection(const Comparisons& comparisons, const MeasuredPairs& measured,
                                const TargetFigures& target);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_REJECTION_H_
