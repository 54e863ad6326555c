// The receiver operating characteristic of a model, from counted distances.
#ifndef LIKENESS_CLIENT_TRAINING_ROC_H_
#define LIKENESS_CLIENT_TRAINING_ROC_H_

#include <vector>

#include "likeness/v1/training_service.pb.h"

namespace likeness {

// The rates of a threshold.
struct RocPoint {
  // Share of impostor pairs below it, 0 to 1.
  double false_match_rate = 0;
  // Share of genuine pairs below it, 0 to 1.
  double true_match_rate = 0;
};

// The rates of the threshold 0 and of the upper edge of each bin, both from 0 to 1 and never falling. Between two
// points lies what the bins do not tell. Empty where there are no genuine or no impostor pairs.
std::vector<RocPoint> RocOf(const v1::Evaluation& evaluation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_ROC_H_
