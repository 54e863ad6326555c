// How often each distance occurs.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_HISTOGRAM_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_HISTOGRAM_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace likeness {

inline constexpr size_t kMostBins = 200;

// Bins of equal width from distance 0 on; the last one holds its upper edge too.
struct Histogram {
  double bin_width = 0;
  // The share of each bin in all pairs of the kind, 0 to 1; pairs without a finite distance are among all pairs but in
  // no bin. All 0 for a kind without pairs. Both have the same number of bins.
  std::vector<double> genuine;
  std::vector<double> impostor;
};

// Distances are 0 or more, or infinite; spans in ascending order. The bins, 20 to 200, are as many as the Rice rule
// gives for the smaller kind (twice the cube root of its pairs), and reach from 0 to the largest finite distance.
// Without a finite distance above 0 they reach to 1.
Histogram HistogramOf(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_HISTOGRAM_H_
