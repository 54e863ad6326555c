#include "server/statistics/differential.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "server/statistics/resampled_pairs.h"

namespace likeness {
namespace {

constexpr size_t kResamples = 200;
constexpr double kTail = 0.025;  // beyond either end of an interval

double RateOf(const FalseMatches& group) {
  return group.matches > 0 ? group.matches / group.impostor_pairs : UpperBoundWithoutMatch(group.impostor_pairs);
}

Interval IntervalOf(double value, std::vector<double> resampled) {
  if (resampled.empty()) return {value, value};
  std::sort(resampled.begin(), resampled.end());
  const auto below = static_cast<size_t>(std::floor(kTail * static_cast<double>(resampled.size() - 1)));
  return {std::min(value, resampled[below]), std::max(value, resampled[resampled.size() - 1 - below])};
}

}  // namespace

double UpperBoundWithoutMatch(double impostor_pairs) {
  return impostor_pairs > 0 ? -std::expm1(std::log(0.05) / impostor_pairs) : 1;
}

std::optional<Differential> MeasureDifferential(absl::Span<const FalseMatches> groups) {
  Differential differential;
  double largest = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].matches > 0 && RateOf(groups[i]) > largest) {
      largest = RateOf(groups[i]);
      differential.worst = i;
    }
  }
  double smallest = std::numeric_limits<double>::infinity();
  double logarithms = 0;
  size_t counted = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const double rate = RateOf(groups[i]);
    const bool bound = groups[i].matches <= 0;
    if (bound && rate >= largest) {
      differential.left_out.push_back(i);
      continue;
    }
    differential.at_least |= bound;
    logarithms += std::log(rate);
    ++counted;
    if (rate < smallest) {
      smallest = rate;
      differential.best = i;
    }
  }
  if (counted < 2) return std::nullopt;
  // Rounding must not make the largest of equal rates smaller than their mean.
  differential.to_geometric_mean = std::max(1.0, largest / std::exp(logarithms / static_cast<double>(counted)));
  differential.to_smallest = largest / smallest;
  return differential;
}

GroupMatches CountFalseMatches(const PeoplePairs& group, double threshold, uint64_t seed) {
  GroupMatches matches;
  for (const PeoplePair& pair : group.pairs) {
    if (pair.genuine() || std::isinf(pair.distance)) continue;
    ++matches.counted.impostor_pairs;
    if (pair.distance <= threshold) ++matches.counted.matches;
  }
  const ResampledPairs resampled(group, {threshold, std::numeric_limits<double>::max()}, kResamples, seed);
  for (size_t i = 0; i < resampled.resamples(); ++i) {
    const ResampledCounts counts = resampled.Counts(i);
    matches.resampled.push_back({counts.impostor.front(), counts.impostor.back()});
  }
  return matches;
}

std::optional<DifferentialFigures> MeasureDifferentialFigures(absl::Span<const GroupMatches> groups) {
  std::vector<FalseMatches> counted;
  for (const GroupMatches& group : groups) counted.push_back(group.counted);
  const std::optional<Differential> measured = MeasureDifferential(counted);
  if (!measured.has_value()) return std::nullopt;
  std::vector<double> to_geometric_mean, to_smallest;
  for (size_t i = 0; i < groups.front().resampled.size(); ++i) {
    std::vector<FalseMatches> resample;
    for (size_t group = 0; group < groups.size(); ++group) {
      const auto& left_out = measured->left_out;
      if (std::find(left_out.begin(), left_out.end(), group) != left_out.end()) continue;
      resample.push_back(groups[group].resampled[i]);
    }
    if (const std::optional<Differential> drawn = MeasureDifferential(resample); drawn.has_value()) {
      to_geometric_mean.push_back(drawn->to_geometric_mean);
      to_smallest.push_back(drawn->to_smallest);
    }
  }
  return DifferentialFigures{.measured = *measured,
                             .to_geometric_mean = IntervalOf(measured->to_geometric_mean, to_geometric_mean),
                             .to_smallest = IntervalOf(measured->to_smallest, to_smallest)};
}

}  // namespace likeness
