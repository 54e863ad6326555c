// Counts of the same pairs for many resamples of their people: what a bootstrap over people needs of them.
//
// Photos of one person are alike, so their pairs are no independent samples; people are. A resample draws as many
// people as there are, with replacement. A genuine pair then counts as often as its person was drawn, an impostor pair
// as often as the product of its two people says; two copies of one person are no impostor pair.
#ifndef LIKENESS_SERVER_STATISTICS_RESAMPLED_PAIRS_H_
#define LIKENESS_SERVER_STATISTICS_RESAMPLED_PAIRS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/statistics/people_pairs.h"

namespace likeness {

// One resample, counted by distance.
struct ResampledCounts {
  // Entry i: the pairs at up to edge i.
  std::vector<double> genuine;
  std::vector<double> impostor;
  // All pairs, those without a distance included; these are counted again for themselves.
  double all_genuine = 0;
  double all_impostor = 0;
  double failed_impostor = 0;
};

// Edges to count by, ascending and distinct: all finite distances where these are no more than `at_most`. Otherwise
// about as many of them, more closely among the nearest impostor pairs, which low false match rates are decided by, and
// in any case `thresholds` and the largest distance. `sorted` as SortedDistances() makes it.
std::vector<double> ChooseEdges(const PairDistances& sorted, absl::Span<const double> thresholds, size_t at_most);

// Immutable, thread-safe.
class ResampledPairs {
 public:
  // Every finite distance must lie at or below the last of `edges`. Time goes by pairs × resamples (about 10 s for 10⁸
  // × 100), memory by edges × resamples, 8 bytes each. The same for the same seed.
  ResampledPairs(const PeoplePairs& pairs, std::vector<double> edges, size_t resamples, uint64_t seed);

  size_t resamples() const { return resamples_; }
  const std::vector<double>& edges() const { return edges_; }

  ResampledCounts Counts(size_t resample) const;

 private:
  // A row for each edge, one for genuine pairs without a distance and one for impostor pairs; in it a count for each
  // resample.
  using Table = std::vector<uint32_t>;

  std::vector<double> edges_;
  size_t resamples_;
  Table genuine_;
  Table impostor_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_RESAMPLED_PAIRS_H_
