#include "server/verification/distance.h"

#include <cassert>
#include <cmath>
#include <cstddef>

#include "server/verification/wide_vectors.h"

namespace likeness {

LIKENESS_WIDE_VECTORS double EuclideanDistance(absl::Span<const float> a, absl::Span<const float> b) {
  assert(a.size() == b.size());
  // Several sums side by side: a processor adds them at once, which it may not do with the terms of one sum.
  constexpr size_t kLanes = 8;
  double sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const double difference = static_cast<double>(a[i + lane]) - static_cast<double>(b[i + lane]);
      sums[lane] += difference * difference;
    }
  }
  double sum = 0;
  for (; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  for (double lane_sum : sums) sum += lane_sum;
  return std::sqrt(sum);
}

}  // namespace likeness
