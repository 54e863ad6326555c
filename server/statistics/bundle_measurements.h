// What a bundle says about its errors (docs/bundle.md): operating points and calibration, from measured pairs.
//
//   absl::StatusOr<BundleMeasurements> measured = MeasureForBundle({{"", pairs}}, "LFW, people 1/2", /*seed=*/1);
//   if (measured.ok()) WriteMeasurements(*measured, manifest);
#ifndef LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_
#define LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/people_pairs.h"
#include "server/verification/calibration.h"
#include "server/verification/decision.h"
#include "server/verification/synthetic_people.h"

namespace likeness {

struct BundleMeasurements {
  std::vector<OperatingPoint> operating_points;  // ascending in rate and in distance
  std::optional<Calibration> calibration;
  std::shared_ptr<const Cohort> cohort;  // that the distances were normalized by; null where they were not
  std::shared_ptr<const std::vector<SyntheticGroup>> synthetic_people;  // of the groups; null where there are none
};

// Pairs among the people of one group, by normalized distance.
struct GroupPairs {
  std::string name;   // empty where there is but one group, which is not told apart
  PeoplePairs pairs;  // a person has the same number in every group
};

// Operating points at 1, 2 and 5 of each decade from 0.1 down to the lowest rate at which kFewestFalseMatches are
// expected among all impostor pairs, and one in each group; none where nothing is supported. The distance of a point is
// the largest at which every group keeps the rate, so the group that matches most decides; the point's interval is that
// group's. One calibration for the pairs of all groups; none where they cannot show one (FitCalibration): without a
// pair that is out of order there is no finite best line. `source` names the data. INVALID_ARGUMENT where a distance is
// NaN.
absl::StatusOr<BundleMeasurements> MeasureForBundle(absl::Span<const GroupPairs> groups, const std::string& source,
                                                    uint64_t seed);

// Puts them in place of what the likeness.json says.
void WriteMeasurements(const BundleMeasurements& measurements, nlohmann::ordered_json& manifest);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_BUNDLE_MEASUREMENTS_H_
