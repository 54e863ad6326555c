#include "client/evaluation/rejection.h"

#include <algorithm>
#include <cstddef>

namespace likeness {

RejectionCurve MeasureRejection(const Comparisons& comparisons, const MeasuredPairs& measured,
                                const TargetFigures& target) {
  struct GenuinePair {
    double quality;
    bool matched;
  };
  std::vector<GenuinePair> genuine;
  auto pair = measured.pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    if (pair->genuine()) {
      genuine.push_back({std::min(measured.quality[a], measured.quality[b]), pair->distance <= target.rates.distance});
    }
    ++pair;
  });
  // The best first, so that rejecting takes from the end.
  std::stable_sort(genuine.begin(), genuine.end(),
                   [](const GenuinePair& a, const GenuinePair& b) { return a.quality > b.quality; });
  std::vector<size_t> missed_before = {0};  // of the best n
  for (const GenuinePair& of : genuine) missed_before.push_back(missed_before.back() + (of.matched ? 0 : 1));

  RejectionCurve curve{.target = target.target, .threshold = target.rates.distance, .steps = {}};
  for (int percent = 0; percent <= 50; percent += 2) {
    const size_t kept = genuine.size() - genuine.size() * static_cast<size_t>(percent) / 100;
    if (kept == 0) break;
    curve.steps.push_back({1 - static_cast<double>(kept) / static_cast<double>(genuine.size()),
                           static_cast<double>(missed_before[kept]) / static_cast<double>(kept)});
  }
  return curve;
}

}  // namespace likeness
