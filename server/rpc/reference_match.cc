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

}  // namespace

absl::Status CheckReferencesMatch(absl::Span<const ReferenceEmbedding> added,
                                  absl::Span<const ReferenceEmbedding> existing, const Threshold& base,
                                  const BundleManifest& manifest) {
  for (size_t i = 0; i < added.size(); ++i) {
    std::optional<Decision> nearest;
    for (absl::Span<const ReferenceEmbedding> references : {existing, added.subspan(0, i)}) {
      const absl::StatusOr<std::optional<Decision>> decision =
          DecideNearest(added[i].embedding, added[i].crowding, references, base, manifest);
      if (!decision.ok()) return decision.status();
      if (!decision->has_value()) continue;
      if (!nearest.has_value() || (*decision)->normalized_distance < nearest->normalized_distance) nearest = *decision;
    }
    if (!nearest.has_value() || nearest->same_person) continue;
    return WithField(
        MakeError(Reason::REFERENCE_MISMATCH,
                  absl::StrFormat("the face is %.4f away from the nearest reference of the person; at most %.4f counts "
                                  "as the same person",
                                  nearest->distance, nearest->threshold.distance)),
        absl::StrCat("photos[", i, "]"));
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
