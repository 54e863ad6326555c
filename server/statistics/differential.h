// How differently a threshold treats groups of people: the ratio of the largest false match rate to the others (ISO/IEC
// 19795-10; P. Grother, "Demographic differentials in face recognition algorithms", NISTIR 8429, 2022, proposes the
// ratio to the geometric mean).
//
//   std::vector<GroupMatches> groups;
//   for (const PeoplePairs& pairs : pairs_by_group) groups.push_back(CountFalseMatches(pairs, 1.05, /*seed=*/0));
//   const std::optional<DifferentialFigures> figures = MeasureDifferentialFigures(groups);
#ifndef LIKENESS_SERVER_STATISTICS_DIFFERENTIAL_H_
#define LIKENESS_SERVER_STATISTICS_DIFFERENTIAL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/statistics/figures.h"
#include "server/statistics/people_pairs.h"

namespace likeness {

// Of one group, or of one resample of its people.
struct FalseMatches {
  double matches = 0;
  double impostor_pairs = 0;  // with a distance
};

// A rate that is likely not exceeded (95 %) where none of so many pairs matched: 1 − 0.05^(1 / pairs), about 3 / pairs.
// It takes pairs for independent, which those of one person are not quite.
double UpperBoundWithoutMatch(double impostor_pairs);

// Where a group has no false match, its upper bound stands for its rate. A group whose upper bound is not below the
// largest rate tells nothing, and neither does one without pairs: it is left out.
struct Differential {
  size_t worst = 0;              // number of the group with the largest rate
  size_t best = 0;               // number of the one with the smallest
  double to_geometric_mean = 1;  // the largest rate by the geometric mean of all, >= 1
  double to_smallest = 1;        // by the smallest rate, >= 1
  bool at_least = false;         // an upper bound stands for a rate: the true ratios are larger
  std::vector<size_t> left_out;  // numbers of the groups that were
};

// Nothing where no group has a false match, or where all but one are left out. Pure.
std::optional<Differential> MeasureDifferential(absl::Span<const FalseMatches> groups);

// With the counts of resamples of the people.
struct GroupMatches {
  FalseMatches counted;
  std::vector<FalseMatches> resampled;
};

// The pairs of one group, at up to the threshold. People are resampled as in resampled_pairs.h; with the same seed and
// the same number of people, whose numbers are those of all groups, a resample draws the same people in each group, so
// that groups that share people are resampled together.
GroupMatches CountFalseMatches(const PeoplePairs& group, double threshold, uint64_t seed);

struct DifferentialFigures {
  Differential measured;
  // 95 % confidence intervals, bootstrapped over people and widened to hold the ratios themselves.
  Interval to_geometric_mean;
  Interval to_smallest;
};

// Nothing where MeasureDifferential() gives nothing. Every group has as many resamples.
std::optional<DifferentialFigures> MeasureDifferentialFigures(absl::Span<const GroupMatches> groups);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_DIFFERENTIAL_H_
