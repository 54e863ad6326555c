// What a bundle says about its errors (docs/bundle.md): operating points and calibration, from measured pairs.
//
//   absl::StatusOr<BundleMeasurements> measured = MeasureForBundle(pairs, "LFW, people 1/2", /*seed=*/1);
//   if (measured.ok()) WriteMeasurements(*measured, manifest);
#ifndef LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_
#define LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/statistics/people_pairs.h"
#include "server/verification/calibration.h"
#include "server/verification/decision.h"

namespace likeness {

struct BundleMeasurements {
  std::vector<OperatingPoint> operating_points;  // ascending in rate and in distance
  std::optional<Calibration> calibration;
};

// Operating points at 1, 2 and 5 of each decade from 0.1 down to the lowest rate at which kFewestFalseMatches are
// expected among the impostor pairs; none where nothing is supported. No calibration where the pairs cannot show one
// (FitCalibration): without a pair that is out of order there is no finite best line. `source` names the data.
// INVALID_ARGUMENT where a distance is NaN.
absl::StatusOr<BundleMeasurements> MeasureForBundle(const PeoplePairs& pairs, const std::string& source, uint64_t seed);

// Puts them in place of what the likeness.json says.
void WriteMeasurements(const BundleMeasurements& measurements, nlohmann::ordered_json& manifest);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_
