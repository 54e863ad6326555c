// What a bundle says of its errors, carried over to the same network with a linear layer behind it.
//
// The layer moves all faces, so the base's threshold and cohort do not hold for it. The cohort moves with the layer:
// its points are embeddings. The threshold is laid anew where nobody's false match rate rises: neither that of the
// synthetic people whom the base brings along (server/verification/synthetic_people.h), nor that of the people at hand.
//
//   const LayeredPairs pairs{…};
//   const absl::StatusOr<MeasurementCarrier> carrier = MeasurementCarrier::Create(base);
//   const absl::StatusOr<BundleMeasurements> carried = carrier->CarryOver(layer, pairs, "strangers of training …");
#ifndef LIKENESS_SERVER_TRAINING_CARRIED_MEASUREMENTS_H_
#define LIKENESS_SERVER_TRAINING_CARRIED_MEASUREMENTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/statistics/bundle_measurements.h"
#include "server/verification/accuracy.h"
#include "server/verification/cohort.h"
#include "server/verification/linear_head.h"
#include "server/verification/synthetic_people.h"

namespace likeness {

// The cohort where the layer puts it. Its cap changes by as much as its points have moved apart.
absl::StatusOr<Cohort> CarryCohort(const Cohort& cohort, const LinearHead& layer);

// Normalized distances between the same faces without the layer and with it; each list ascends.
struct LayeredPairs {
  PairDistances before;
  PairDistances after;
};

// Of all pairs of a group, normalized where there is a cohort, which may be null. NETWORK_FAILED where one is not a
// number.
absl::StatusOr<PairDistances> DistancesAmong(const SyntheticGroup& group, const Cohort* cohort);

// Immutable, thread-safe. What is the same for every layer is computed once.
class MeasurementCarrier {
 public:
  // FAILED_PRECONDITION where the base has no operating points or brings no synthetic people along. `base` must outlive
  // it.
  static absl::StatusOr<MeasurementCarrier> Create(const BundleManifest& base);

  // For each of the base's operating points the largest distance with the layer at which the pairs of no group match
  // more often than the point says, or than they did before. A group of synthetic people counts for the points at which
  // three of its pairs are expected to match; distances for lower rates follow from those of the two lowest that it
  // shows, while those of the people at hand count always. `source` names them. The rates of groups are
  // what the synthetic people foretell. Points whose order is lost are left out. Errors of the layer.
  absl::StatusOr<BundleMeasurements> CarryOver(const LinearHead& layer, const LayeredPairs& at_hand,
                                               const std::string& source) const;

 private:
  explicit MeasurementCarrier(const BundleManifest& base) : base_(&base) {}

  const BundleManifest* base_;
  std::vector<PairDistances> before_;  // of each synthetic group, without a layer
};

// The share of a group's genuine pairs that a layer would reject at `threshold_after`, from the share that was rejected
// at `threshold_before`, 0 to 1, and from synthetic genuine pairs before and after. Both are taken as normally
// distributed; photos of people have more outliers than synthetic ones, and the layer moves these alike.
double ForetellFalseNonMatchRate(double rate_before, double threshold_before, double threshold_after,
                                 const LayeredPairs& synthetic);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_CARRIED_MEASUREMENTS_H_
