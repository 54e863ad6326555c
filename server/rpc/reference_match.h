// Whether photos to enrol show the person whom they are to be enrolled as, and nobody else. Pure functions.
#ifndef LIKENESS_SERVER_RPC_REFERENCE_MATCH_H_
#define LIKENESS_SERVER_RPC_REFERENCE_MATCH_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/verification/calibration.h"
#include "server/verification/decision.h"

namespace likeness {

// OK when each of `added` is the same person as one of `existing` by `base`; where none of these is of its model, when
// each is the same person as each of the others. Never along a chain: a photo between two people's faces would lead
// from the one to the other. REFERENCE_MISMATCH, with both distances where `tell_distances`, at the field photos[i];
// the errors of MeasureDistance().
absl::Status CheckReferencesMatch(absl::Span<const ReferenceEmbedding> added,
                                  absl::Span<const ReferenceEmbedding> existing, const Threshold& base,
                                  const BundleManifest& manifest, bool tell_distances);

// Whether the nearest of `people` (>= 1) others is the same person rather than the likest of so many strangers. It must
// be decided so and, where there is a calibration, its likelihood ratio must outweigh the prior odds of one
// in `people`: the log-likelihood ratio must reach log(people), or the most that the calibration's pairs can support.
bool IsDuplicate(const Decision& decision, int64_t people, const std::optional<Calibration>& calibration);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_REFERENCE_MATCH_H_
