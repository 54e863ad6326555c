#include "client/evaluation_page/error_curve.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace likeness {
namespace {

double Share(std::ptrdiff_t part, absl::Span<const double> whole) {
  return static_cast<double>(part) / static_cast<double>(whole.size());
}

absl::Span<const double> Finite(absl::Span<const double> sorted) {
  const auto first =
      std::upper_bound(sorted.begin(), sorted.end(), -std::numeric_limits<double>::infinity()) - sorted.begin();
  const auto end =
      std::lower_bound(sorted.begin(), sorted.end(), std::numeric_limits<double>::infinity()) - sorted.begin();
  return sorted.subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
}

enum class Tail { kSmallest, kLargest };

// Adds up to `most` (2 or more) of the distances, those of both ends among them.
void AddThresholds(absl::Span<const double> sorted, size_t most, Tail tail, std::vector<double>& thresholds) {
  if (sorted.size() <= most) {
    thresholds.insert(thresholds.end(), sorted.begin(), sorted.end());
    return;
  }
  const double last = static_cast<double>(sorted.size() - 1);
  const size_t even = (most + 1) / 2;
  for (size_t i = 0; i < even; ++i) {
    const double share = even == 1 ? 0 : static_cast<double>(i) / static_cast<double>(even - 1);
    thresholds.push_back(sorted[static_cast<size_t>(share * last)]);
  }
  const size_t close = most / 2;
  for (size_t i = 0; i < close; ++i) {
    const double rank = std::pow(last, static_cast<double>(i) / static_cast<double>(close));  // 1 to less than `last`
    const size_t from_the_end = static_cast<size_t>(rank) - 1;
    thresholds.push_back(tail == Tail::kSmallest ? sorted[from_the_end] : sorted[sorted.size() - 1 - from_the_end]);
  }
}

}  // namespace

ErrorPoint ErrorsAt(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor,
                    double threshold) {
  const auto genuine_above = std::upper_bound(sorted_genuine.begin(), sorted_genuine.end(), threshold);
  const auto impostor_above = std::upper_bound(sorted_impostor.begin(), sorted_impostor.end(), threshold);
  return {threshold, Share(impostor_above - sorted_impostor.begin(), sorted_impostor),
          Share(sorted_genuine.end() - genuine_above, sorted_genuine)};
}

std::vector<ErrorPoint> ErrorCurve(absl::Span<const double> sorted_genuine, absl::Span<const double> sorted_impostor,
                                   size_t most) {
  if (sorted_genuine.empty() || sorted_impostor.empty()) return {};
  const absl::Span<const double> genuine = Finite(sorted_genuine);
  const absl::Span<const double> impostor = Finite(sorted_impostor);
  const size_t half = most / 2;
  // What one kind leaves of its half is the other's.
  const auto part = [&](absl::Span<const double> other) { return other.size() < half ? most - other.size() : half; };
  std::vector<double> thresholds;
  AddThresholds(genuine, part(impostor), Tail::kLargest, thresholds);
  AddThresholds(impostor, part(genuine), Tail::kSmallest, thresholds);
  std::sort(thresholds.begin(), thresholds.end());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  std::vector<ErrorPoint> curve;
  curve.reserve(thresholds.size());
  std::transform(thresholds.begin(), thresholds.end(), std::back_inserter(curve),
                 [&](double threshold) { return ErrorsAt(sorted_genuine, sorted_impostor, threshold); });
  return curve;
}

}  // namespace likeness
