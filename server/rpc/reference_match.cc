#include "server/rpc/reference_match.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/errors/errors.h"
#include "server/models/generation.h"

namespace likeness {
namespace {

// How the probe is decided against the nearest of `references` that is of its model; nothing where none is.
absl::StatusOr<std::optional<Decision>> DecideNearest(const Embedding& probe, std::optional<double> crowding,
                                                      absl::Span<const ReferenceEmbedding> references,
                                                      const Threshold& base, const BundleManifest& manifest) {
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(probe, references, manifest.cohort.get());
  if (nearest.ok()) {
    return Decide(nearest->distance, base, CrowdingOfPair(manifest, crowding, nearest->crowding));
  }
  const Reason::Value reason = ReasonOf(nearest.status());
  if (reason == Reason::PERSON_WITHOUT_REFERENCE || reason == Reason::MODEL_MISMATCH) return std::nullopt;
  return nearest.status();
}

absl::Status Mismatch(size_t photo, const Decision& decision, bool tell_distances) {
  return WithField(
      MakeError(Reason::REFERENCE_MISMATCH,
                tell_distances
                    ? absl::StrFormat("the face is %.4f away from the nearest reference of the person; at most %.4f "
                                      "counts as the same person",
                                      decision.distance, decision.threshold.distance)
                    : "the face is not that of the person's references or of the other photos"),
      absl::StrCat("photos[", photo, "]"));
}

}  // namespace

absl::Status CheckReferencesMatch(absl::Span<const ReferenceEmbedding> added,
                                  absl::Span<const ReferenceEmbedding> existing, const Threshold& base,
                                  const BundleManifest& manifest, bool tell_distances) {
  for (size_t i = 0; i < added.size(); ++i) {
    const absl::StatusOr<std::optional<Decision>> of_existing =
        DecideNearest(added[i].embedding, added[i].crowding, existing, base, manifest);
    if (!of_existing.ok()) return of_existing.status();
    if (of_existing->has_value()) {
      if (!(*of_existing)->same_person) return Mismatch(i, **of_existing, tell_distances);
      continue;
    }
    // There is nothing stored to hold them against: each must be the same person as each of the others.
    for (size_t before = 0; before < i; ++before) {
      const absl::StatusOr<std::optional<Decision>> pair =
          DecideNearest(added[i].embedding, added[i].crowding, added.subspan(before, 1), base, manifest);
      if (!pair.ok()) return pair.status();
      if (pair->has_value() && !(*pair)->same_person) return Mismatch(i, **pair, tell_distances);
    }
  }
  return absl::OkStatus();
}

bool IsDuplicate(const Decision& decision, int64_t people, const std::optional<Calibration>& calibration) {
  if (!decision.same_person) return false;
  if (!calibration.has_value()) return true;
  const double supported = std::log(static_cast<double>(calibration->impostor_pairs) + 1);
  return LogLikelihoodRatio(*calibration, decision.normalized_distance) >=
         std::min(std::log(static_cast<double>(people)), supported);
}

}  // namespace likeness
