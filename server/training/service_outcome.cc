#include "server/training/service_outcome.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace likeness {

ServiceOutcome OutcomeAt(const std::optional<Threshold>& threshold, const std::vector<AtHandGroup>& at_hand,
                         bool foretold) {
  ServiceOutcome outcome;
  const auto within = [&](const std::vector<double>& distances) {
    if (!threshold.has_value()) return 0.0;
    return static_cast<double>(std::upper_bound(distances.begin(), distances.end(), threshold->distance) -
                               distances.begin()) /
           static_cast<double>(distances.size());
  };
  if (threshold.has_value()) {
    outcome.threshold = threshold->distance;
    outcome.measured = threshold->source == ThresholdSource::kOperatingPoint;
  }
  for (const auto& [name, pairs] : at_hand) {
    if (pairs.genuine.empty() || pairs.impostor.empty()) continue;
    outcome.groups.push_back({.name = name,
                              .at_hand = true,
                              .false_match_rate = within(pairs.impostor),
                              .false_non_match_rate = 1 - within(pairs.genuine),
                              .genuine_pairs = static_cast<int64_t>(pairs.genuine.size()),
                              .impostor_pairs = static_cast<int64_t>(pairs.impostor.size())});
  }
  if (!outcome.measured) return outcome;
  for (const GroupRates& group : threshold->point->groups) {
    outcome.groups.push_back({.name = group.name,
                              .foretold = foretold,
                              .false_match_rate = group.fmr,
                              .false_non_match_rate = group.fnmr,
                              .genuine_pairs = foretold ? 0 : group.genuine_pairs,
                              .impostor_pairs = foretold ? 0 : group.impostor_pairs});
  }
  return outcome;
}

std::string WhatIsMissing(double target_fmr, int64_t impostor_pairs, int64_t people) {
  const double needed = kFewestFalseMatches / target_fmr;
  std::string text =
      absl::StrFormat("that takes %.0f pairs of photos of different people who were not trained on, and there are %d",
                      needed, impostor_pairs);
  if (impostor_pairs > 0 && people > 1) {
    // Pairs go by the square of the people.
    const double times = std::sqrt(needed / static_cast<double>(impostor_pairs));
    absl::StrAppendFormat(&text, ": about %.0f more people with as many photos each would do",
                          std::ceil((times - 1) * static_cast<double>(people)));
  }
  return text;
}

}  // namespace likeness
