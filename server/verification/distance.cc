#include "server/verification/distance.h"

#include <cassert>
#include <cmath>
#include <cstddef>

namespace likeness {

double EuclideanDistance(absl::Span<const float> a, absl::Span<const float> b) {
  assert(a.size() == b.size());
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

}  // namespace likeness
