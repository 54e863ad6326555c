// The figures of server/verification/accuracy.h and calibration.h, of one resample's counts. For figures.cc.
//
// A threshold is one of the edges, or lies below all of them. NaN where a kind of pairs that a figure needs has no
// weight. Pure, thread-safe; each takes O(edges).
#ifndef LIKENESS_SERVER_STATISTICS_RESAMPLED_FIGURES_H_
#define LIKENESS_SERVER_STATISTICS_RESAMPLED_FIGURES_H_

#include <cstddef>
#include <vector>

#include "server/statistics/resampled_pairs.h"

namespace likeness {

double ResampledEqualErrorRate(const ResampledCounts& counts);
double ResampledAreaUnderRoc(const ResampledCounts& counts);
// FNMR at the largest threshold that keeps to the false match rate.
double ResampledFalseNonMatchRateAt(const ResampledCounts& counts, double target_false_match_rate);
// At the threshold edges[edge].
double ResampledFalseMatchRate(const ResampledCounts& counts, size_t edge);
double ResampledFalseNonMatchRate(const ResampledCounts& counts, size_t edge);
// Of the pairs that have a distance. The last edge lies at or above all of these.
double ResampledFalseNonMatchRateOfVerdicts(const ResampledCounts& counts, size_t edge);
// A failed pair of either kind is decided wrongly.
double ResampledAccuracy(const ResampledCounts& counts, size_t edge);
double ResampledBestAccuracy(const ResampledCounts& counts);
// `genuine_costs[i]` and `impostor_costs[i]`: what a pair at edges[i] costs, in bits.
double ResampledCllr(const ResampledCounts& counts, const std::vector<double>& genuine_costs,
                     const std::vector<double>& impostor_costs);
double ResampledMinCllr(const ResampledCounts& counts);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_RESAMPLED_FIGURES_H_
