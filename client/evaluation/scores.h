// How well a server tells the pairs of an evaluation apart.
#ifndef LIKENESS_CLIENT_EVALUATION_SCORES_H_
#define LIKENESS_CLIENT_EVALUATION_SCORES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/measured_pairs.h"
#include "client/evaluation/rejection.h"
#include "likeness/v1/types.pb.h"
#include "server/statistics/differential.h"
#include "server/statistics/figures.h"
#include "server/verification/accuracy.h"

namespace likeness {

// Of a list of pairs. Where every photo is compared with every other, accuracy would say little: nearly all pairs are
// impostor pairs.
struct ListAccuracy {
  ThresholdAccuracy best;
  Interval best_interval;
  // Absent where the list has no folds.
  std::optional<CrossValidatedAccuracy> cross_validated;
};

// Of the pairs of one group of people: as they are where the group is evaluated alone.
struct GroupScores {
  std::string name;
  int64_t photos = 0;
  std::map<std::string, int64_t> failed_photos;  // how many, by reason
  Figures figures;                               // with the targets and the threshold of all
};

// The scores of a server. Where people are told apart by group, the pairs of all groups count together: each as one
// pair, so that a group with more photos weighs more. Pairs across groups are not among them.
//
// Distances are normalized (MeasuredPairs).
//
// A failed photo never improves a score. For the accuracies each of its pairs counts as decided wrongly, at every
// threshold. For all else its genuine pairs count as never verified (distance +infinity), so that FNMR and EER include
// failures to acquire, as the false reject rate of ISO/IEC 19795-1 does; its impostor pairs are left out, so that FMR
// is measured on comparisons that were made: counting them as right rejections would lower FMR by failing. Cllr and
// minimum Cllr are of the pairs that have a distance.
struct Scores {
  v1::Model model;
  // The server's own.
  v1::Threshold threshold;
  int64_t photos = 0;
  std::vector<FailedPhoto> failed_photos;
  // The targets are those of 1e-1 to 1e-6 that the pairs can show, the one threshold is the server's, if
  // it has one.
  Figures figures;
  // Absent where every photo was compared with every other.
  std::optional<ListAccuracy> accuracy;
  // What refusing photos of low quality does to the FNMR at FMR 1e-3, or 1e-2 where that cannot be measured. Absent
  // where neither can, or where the faces' quality is not known.
  std::optional<RejectionCurve> rejection;
  bool has_cohort = false;  // else distances are plain, and one threshold decides about every pair
  // In their order; empty where people are not told apart.
  std::vector<GroupScores> groups;
  // Of the groups at the server's threshold; absent where it cannot be measured. It counts `groups`.
  std::optional<DifferentialFigures> differential;
};

// INVALID_ARGUMENT where a distance is not a number.
absl::StatusOr<Scores> ScorePairs(const Comparisons& comparisons, const MeasuredPairs& measured);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_SCORES_H_
