// How well distances tell genuine pairs (two photos of one person) from impostor pairs (of two people).
//
// Everywhere a pair is verified when distance <= threshold, and thresholds are finite. A pair whose photo could not be
// used has no distance; it stays in the count as +infinity, which no threshold verifies: a failure of a genuine pair, a
// right answer for an impostor pair. Where a failed impostor pair shall count as a mistake too, it is −infinity, which
// every threshold verifies. NaN is refused.
//
//   const PairDistances distances = {.genuine = {0.4, 0.7, 0.9}, .impostor = {0.8, 1.2, 1.3}};
//   absl::StatusOr<double> eer = EqualErrorRate(distances);
//   absl::StatusOr<OperatingPointRates> rates = RatesAtFalseMatchRate(distances, 0.001);
//
// All functions are pure, thread-safe and take O(n log n), or O(n) where the distances ascend already; they fail with
// INVALID_ARGUMENT for NaN or where a set that they need is empty. Terms follow ISO/IEC 19795-1 (Biometric performance
// testing and reporting, part 1).
#ifndef LIKENESS_SERVER_VERIFICATION_ACCURACY_H_
#define LIKENESS_SERVER_VERIFICATION_ACCURACY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace likeness {

// Distances of genuine and of impostor pairs, in any order.
struct PairDistances {
  std::vector<double> genuine;
  std::vector<double> impostor;
};

// The errors made at one threshold.
struct OperatingPointRates {
  // The threshold: the largest distance that is verified.
  double distance = 0;
  // FMR: the share of impostor pairs that are verified, 0 to 1.
  double false_match_rate = 0;
  // FNMR: the share of genuine pairs that are not verified, 0 to 1. The true accept rate (TAR) is 1 − FNMR.
  double false_non_match_rate = 0;
  // How many pairs the rates were measured on.
  int64_t genuine_pairs = 0;
  int64_t impostor_pairs = 0;
};

// The error rate at which false matches and false non-matches are equally frequent, 0 to 1.
//
// Convention: the points (FMR, FNMR) of all thresholds, from (0, 1) where nothing is verified to (1, 0) where
// everything is, are joined by straight lines in the order of the thresholds; the EER is where that line meets FMR =
// FNMR. Equal distances thus share one segment. +infinity is an ordinary last value here: where more genuine pairs
// failed than impostor pairs can be verified, the crossing lies on the segment that leads to (1, 0).
absl::StatusOr<double> EqualErrorRate(const PairDistances& distances);

// Area under the ROC curve: the probability that a genuine pair is nearer than an impostor pair, equal distances
// counting half (the Mann–Whitney statistic), 0 to 1. Infinities equal each other.
absl::StatusOr<double> AreaUnderRoc(const PairDistances& distances);

// The rates at the largest threshold (exactly: the largest double) whose false match rate is at most
// `target_false_match_rate`, which lies in 0 to 1. Where every finite distance keeps to the target, the threshold is
// the largest finite one; FAILED_PRECONDITION where there is none. Fewer than 1 / target impostor pairs cannot show the
// target to be kept: the threshold then lies just below the smallest impostor distance.
absl::StatusOr<OperatingPointRates> RatesAtFalseMatchRate(const PairDistances& distances,
                                                          double target_false_match_rate);

// As RatesAtFalseMatchRate, for a point that decisions shall be held against: FAILED_PRECONDITION where there are fewer
// impostor pairs than 1 / target, or where no distance > 0 keeps to the target.
absl::StatusOr<OperatingPointRates> MeasureOperatingPoint(const PairDistances& distances,
                                                          double target_false_match_rate);

// The rates at a given finite threshold.
absl::StatusOr<OperatingPointRates> RatesAtThreshold(const PairDistances& distances, double threshold);

// A pair of a labelled list.
struct LabelledDistance {
  double distance = 0;
  // Whether both photos show the same person.
  bool genuine = false;
};

// A threshold and how many of the pairs it decides rightly.
struct ThresholdAccuracy {
  double threshold = 0;
  // The share of pairs that are genuine and verified, or impostor and not verified, 0 to 1.
  double accuracy = 0;
};

// The share of `pairs` that a finite threshold decides rightly.
absl::StatusOr<ThresholdAccuracy> AccuracyAt(absl::Span<const LabelledDistance> pairs, double threshold);

// The threshold that decides most of `pairs` rightly; of several ranges of equally good ones, the lowest. It is the
// middle between the two distances that bound its range, the largest finite distance where all finite ones are
// verified, just below the smallest where none is, and 0 where no distance is finite.
absl::StatusOr<ThresholdAccuracy> BestAccuracy(absl::Span<const LabelledDistance> pairs);

// Accuracy by cross-validation.
struct CrossValidatedAccuracy {
  // Mean of the folds' accuracies, each fold weighing the same.
  double mean = 0;
  // Standard error of that mean: the folds' sample standard deviation (over folds − 1) by the root of their number.
  double standard_error = 0;
  // Of each fold: the threshold that BestAccuracy gives on all the other folds, and this fold's accuracy with it.
  std::vector<ThresholdAccuracy> folds;
};

// Accuracy as View 2 of Labeled Faces in the Wild prescribes (G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller:
// Labeled Faces in the Wild, University of Massachusetts, Amherst, Technical Report 07-49, 2007, section IV). Needs two
// folds or more, none empty. Takes O(n log n + n × folds).
absl::StatusOr<CrossValidatedAccuracy> CrossValidateAccuracy(absl::Span<const std::vector<LabelledDistance>> folds);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_ACCURACY_H_
