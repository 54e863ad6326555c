#include "server/rpc/reference_match.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// The least distance so far, with that to the nearest of `references` that is of the probe's model.
absl::StatusOr<std::optional<double>> Nearer(std::optional<double> so_far, const Embedding& probe,
                                             absl::Span<const ReferenceEmbedding> references) {
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(probe, references);
  if (nearest.ok()) {
    if (!so_far.has_value() || nearest->distance < *so_far) so_far = nearest->distance;
    return so_far;
  }
  const Reason::Value reason = ReasonOf(nearest.status());
  if (reason == Reason::PERSON_WITHOUT_REFERENCE || reason == Reason::MODEL_MISMATCH) return so_far;
  return nearest.status();
}

}  // namespace

absl::Status CheckReferencesMatch(absl::Span<const ReferenceEmbedding> added,
                                  absl::Span<const ReferenceEmbedding> existing, const Threshold& threshold) {
  for (size_t i = 0; i < added.size(); ++i) {
    const Embedding& probe = added[i].embedding;
    absl::StatusOr<std::optional<double>> distance = Nearer(std::nullopt, probe, existing);
    if (distance.ok()) distance = Nearer(*distance, probe, added.subspan(0, i));
    if (!distance.ok()) return distance.status();
    if (!distance->has_value() || IsSamePerson(**distance, threshold)) continue;
    return WithField(
        MakeError(Reason::REFERENCE_MISMATCH,
                  absl::StrFormat("the face is %.4f away from the nearest reference of the person; at most %.4f counts "
                                  "as the same person",
                                  **distance, threshold.distance)),
        absl::StrCat("photos[", i, "]"));
  }
  return absl::OkStatus();
}

bool IsDuplicate(double distance, int64_t people, const Threshold& threshold,
                 const std::optional<Calibration>& calibration) {
  if (!IsSamePerson(distance, threshold)) return false;
  if (!calibration.has_value()) return true;
  const double supported = std::log(static_cast<double>(calibration->impostor_pairs) + 1);
  return LogLikelihoodRatio(*calibration, distance) >= std::min(std::log(static_cast<double>(people)), supported);
}

}  // namespace likeness
