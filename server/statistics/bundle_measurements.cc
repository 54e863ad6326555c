#include "server/statistics/bundle_measurements.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/statistics/figures.h"

namespace likeness {
namespace {

// 0.1, 0.05, 0.02, 0.01, … as far down as the pairs support, ascending.
std::vector<double> SupportedRates(int64_t impostor_pairs) {
  constexpr double kSteps[] = {1, 5, 2};
  constexpr int kLowestDecade = -9;
  std::vector<double> rates;
  for (int decade = -1; decade >= kLowestDecade; --decade) {
    for (double step : kSteps) {
      // 0.1 and then the two steps below it, each as near to its decimal as a double comes.
      const double rate = step / std::pow(10, step == 1 ? -decade : 1 - decade);
      if (rate * static_cast<double>(impostor_pairs) * (1 + 1e-9) < kFewestFalseMatches) break;
      rates.push_back(rate);
    }
  }
  std::reverse(rates.begin(), rates.end());
  return rates;
}

}  // namespace

absl::StatusOr<BundleMeasurements> MeasureForBundle(const PeoplePairs& pairs, const std::string& source,
                                                    uint64_t seed) {
  const auto impostor_pairs = std::count_if(pairs.pairs.begin(), pairs.pairs.end(), [](const PeoplePair& pair) {
    return !pair.genuine() && std::isfinite(pair.distance);
  });
  const absl::StatusOr<Figures> figures =
      MeasureFigures(pairs, {.targets = SupportedRates(impostor_pairs), .seed = seed});
  if (!figures.ok()) return figures.status();
  BundleMeasurements measurements;
  for (const TargetFigures& target : figures->targets) {
    measurements.operating_points.push_back({.fmr = target.target,
                                             .distance = target.rates.distance,
                                             .fmr_low = target.false_match_rate.low,
                                             .fmr_high = std::max(target.target, target.false_match_rate.high),
                                             .genuine_pairs = target.rates.genuine_pairs,
                                             .impostor_pairs = target.rates.impostor_pairs,
                                             .people = figures->people,
                                             .source = source});
  }
  if (absl::StatusOr<Calibration> calibration = FitCalibration(SortedDistances(pairs)); calibration.ok()) {
    calibration->people = figures->people;
    calibration->source = source;
    measurements.calibration = *std::move(calibration);
  }
  return measurements;
}

void WriteMeasurements(const BundleMeasurements& measurements, nlohmann::ordered_json& manifest) {
  manifest["operating_points"] = nlohmann::ordered_json::array();
  for (const OperatingPoint& point : measurements.operating_points) {
    manifest["operating_points"].push_back({{"fmr", point.fmr},
                                            {"distance", point.distance},
                                            {"fmr_low", point.fmr_low},
                                            {"fmr_high", point.fmr_high},
                                            {"genuine_pairs", point.genuine_pairs},
                                            {"impostor_pairs", point.impostor_pairs},
                                            {"people", point.people},
                                            {"source", point.source}});
  }
  manifest["calibration"] = nullptr;
  if (const std::optional<Calibration>& calibration = measurements.calibration; calibration.has_value()) {
    manifest["calibration"] = {{"offset", calibration->offset},
                               {"slope", calibration->slope},
                               {"genuine_pairs", calibration->genuine_pairs},
                               {"impostor_pairs", calibration->impostor_pairs},
                               {"people", calibration->people},
                               {"source", calibration->source}};
  }
}

}  // namespace likeness
