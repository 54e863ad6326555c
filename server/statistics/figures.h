// How well measured pairs are told apart, each figure with its 95 % confidence interval over people.
//
//   const absl::StatusOr<Figures> figures = MeasureFigures(pairs, {.targets = {1e-3}, .thresholds = {1.04}});
//
// Definitions and conventions are those of server/verification/accuracy.h and calibration.h, those of the intervals in
// resampled_pairs.h: the 2.5 % and 97.5 % percentiles over resamples of the people (B. Efron, "Bootstrap methods:
// another look at the jackknife", 1979; over people as in R. M. Bolle, N. K. Ratha and S. Pankanti, "Error analysis of
// pattern recognition systems: the subsets bootstrap", 2004), widened to hold the figure itself. Where there are more
// than 8,192 distances, resamples are counted in as many steps of distance; the figures themselves are always exact.
#ifndef LIKENESS_SERVER_STATISTICS_FIGURES_H_
#define LIKENESS_SERVER_STATISTICS_FIGURES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/statistics/people_pairs.h"
#include "server/verification/accuracy.h"
#include "server/verification/calibration.h"

namespace likeness {

struct Interval {
  double low = 0;
  double high = 0;
};

struct Figure {
  double value = 0;
  Interval interval;
};

// The errors at the threshold that keeps to a false match rate.
struct TargetFigures {
  double target = 0;
  OperatingPointRates rates;
  Interval false_match_rate;      // at rates.distance
  Interval false_non_match_rate;  // where each resample has a threshold of its own
};

// The errors at a given threshold.
struct ThresholdFigures {
  double distance = 0;
  Figure false_match_rate;
  Figure false_non_match_rate;  // a failed pair counts as a non-match
  // Of the genuine pairs that have a distance, that is, got a verdict; absent where there are none.
  std::optional<Figure> false_non_match_rate_of_verdicts = std::nullopt;
  Figure accuracy;  // a failed pair counts as decided wrongly
};

struct Figures {
  int64_t genuine_pairs = 0;
  int64_t impostor_pairs = 0;  // with a distance
  int64_t failed_genuine_pairs = 0;
  int64_t failed_impostor_pairs = 0;
  int64_t people = 0;  // in any pair
  // Absent without genuine or without impostor pairs.
  std::optional<Figure> equal_error_rate;
  std::optional<Figure> area_under_roc;
  std::optional<Figure> min_cllr;
  std::optional<Figure> cllr;  // absent without a calibration as well
  // Without the targets that the pairs cannot show (MeasureOperatingPoint). In their order.
  std::vector<TargetFigures> targets;
  // Of each threshold; empty without genuine or without impostor pairs.
  std::vector<ThresholdFigures> thresholds;
  // Of the accuracy at the threshold that is best for the pairs (BestAccuracy), not widened; absent like the
  // thresholds.
  std::optional<Interval> best_accuracy;
};

struct FigureOptions {
  std::vector<double> targets = {};     // false match rates, above 0 and below 1
  std::vector<double> thresholds = {};  // finite
  std::optional<Calibration> calibration = std::nullopt;
  uint64_t seed = 0;
};

// INVALID_ARGUMENT where a distance is NaN. Takes 40 s for 10⁸ pairs on one core and 16 bytes a pair. Pure,
// thread-safe.
absl::StatusOr<Figures> MeasureFigures(const PeoplePairs& pairs, const FigureOptions& options);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_FIGURES_H_
