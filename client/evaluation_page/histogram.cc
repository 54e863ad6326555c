#include "client/evaluation_page/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace likeness {
namespace {

constexpr double kFewestBins = 20;

double LargestFinite(absl::Span<const double> sorted) {
  const auto end = std::lower_bound(sorted.begin(), sorted.end(), std::numeric_limits<double>::infinity());
  return end == sorted.begin() ? 0 : *(end - 1);
}

size_t BinsFor(size_t genuine, size_t impostor) {
  const size_t smaller = std::min(genuine, impostor);
  const double pairs = static_cast<double>(smaller > 0 ? smaller : std::max(genuine, impostor));
  return static_cast<size_t>(std::clamp(std::ceil(2 * std::cbrt(pairs)), kFewestBins, static_cast<double>(kMostBins)));
}

std::vector<double> SharesOf(absl::Span<const double> sorted, size_t bins, double bin_width) {
  std::vector<double> shares(bins);
  const double one = 1 / static_cast<double>(std::max<size_t>(sorted.size(), 1));
  std::vector<size_t> counts(bins);
  for (const double distance : sorted) {
    if (!std::isfinite(distance)) continue;
    ++counts[std::min(static_cast<size_t>(std::max(distance, 0.0) / bin_width), bins - 1)];
  }
  std::transform(counts.begin(), counts.end(), shares.begin(),
                 [one](size_t count) { return static_cast<double>(count) * one; });
  return shares;
}

}  // namespace

Histogram HistogramOf(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor) {
  const size_t bins = BinsFor(sorted_genuine.size(), sorted_impostor.size());
  const double largest = std::max(LargestFinite(sorted_genuine), LargestFinite(sorted_impostor));
  const double bin_width = (largest > 0 ? largest : 1) / static_cast<double>(bins);
  return {bin_width, SharesOf(sorted_genuine, bins, bin_width), SharesOf(sorted_impostor, bins, bin_width)};
}

}  // namespace likeness
