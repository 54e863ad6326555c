#include "client/bench/latency.h"

#include <algorithm>
#include <cstddef>

namespace likeness {

LatencySummary Summarize(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return {};
  std::sort(milliseconds.begin(), milliseconds.end());
  const size_t count = milliseconds.size();
  // Whole numbers, because 0.9 * 10 may come to a little more than 9.
  const auto percentile = [&](size_t percent) { return milliseconds[(count * percent + 99) / 100 - 1]; };
  return {static_cast<int64_t>(count), percentile(50), percentile(90), percentile(99), milliseconds.back()};
}

}  // namespace likeness
