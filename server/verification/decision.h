// The decision: the nearest reference, held against a threshold.
//
// Pure functions: no I/O, no clock, no network. They fail closed: whatever is not a measured distance at or below the
// threshold is an error or "different".
//
// The contrastive loss (Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping") pulls
// genuine pairs towards distance 0 and pushes impostor pairs beyond the margin m, so a threshold lies in (0, m).
#ifndef LIKENESS_SERVER_VERIFICATION_DECISION_H_
#define LIKENESS_SERVER_VERIFICATION_DECISION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/verification/embedding.h"

namespace likeness {

// A distance and the false match rate measured at it.
struct OperatingPoint {
  double fmr = 0;                // false match rate, in (0, 1)
  double distance = 0;           // > 0
  int64_t genuine_pairs = 0;     // pairs of the same person measured
  int64_t impostor_pairs = 0;    // pairs of different people measured
  int64_t people = 0;            // people measured
  std::string source;            // the data, in words
};

enum class ThresholdSource { kOperatingPoint, kHalfMargin, kRequest };

// The largest distance that still counts as the same person.
struct Threshold {
  double distance = 0;
  ThresholdSource source = ThresholdSource::kHalfMargin;
  std::optional<double> fmr;  // set for kOperatingPoint only
};

// The threshold for a false match rate of at most `target_fmr`: the measured point with the largest rate that does not
// exceed it; without any measured point, half the margin. `points` ascend in rate.
// FAILED_PRECONDITION when there are points but all of them have a higher rate than `target_fmr`.
absl::StatusOr<Threshold> ChooseThreshold(absl::Span<const OperatingPoint> points, double target_fmr, double margin);

// The threshold for a request that may bring its own `max_distance`. FIELD_INVALID unless that is finite and > 0.
absl::StatusOr<Threshold> RequestThreshold(const Threshold& standard, std::optional<double> max_distance);

// The distance between two embeddings. MODEL_MISMATCH when they come from different models, STORE_CORRUPT when their
// sizes differ, NETWORK_FAILED when the distance is not finite.
absl::StatusOr<double> MeasureDistance(const Embedding& a, const Embedding& b);

// A reference of a list, and how far it is.
struct NearestReference {
  size_t index = 0;
  double distance = 0;
};

// The reference of the probe's model that is nearest to the probe. PERSON_WITHOUT_REFERENCE when `references` is empty,
// MODEL_MISMATCH when none is of the probe's model; otherwise the errors of MeasureDistance().
absl::StatusOr<NearestReference> FindNearestReference(const Embedding& probe,
                                                      absl::Span<const ReferenceEmbedding> references);

// True exactly when `distance` is a number in 0…threshold.distance.
bool IsSamePerson(double distance, const Threshold& threshold);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_DECISION_H_
