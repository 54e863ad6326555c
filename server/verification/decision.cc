#include "server/verification/decision.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/verification/distance.h"

namespace likeness {

absl::StatusOr<Threshold> ChooseThreshold(absl::Span<const OperatingPoint> points, double target_fmr, double margin) {
  if (points.empty()) {
    return Threshold{.distance = margin / 2, .source = ThresholdSource::kHalfMargin, .fmr = std::nullopt};
  }
  const OperatingPoint* chosen = nullptr;
  for (const OperatingPoint& point : points) {
    // A rate that was written as 1e-3 and asked for as 0.001 is the same rate.
    if (point.fmr <= target_fmr * (1 + 1e-9)) chosen = &point;
  }
  if (chosen == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("a false match rate of ", target_fmr,
                                                      " was not measured for this model; the lowest measured is ",
                                                      points.front().fmr));
  }
  return Threshold{.distance = chosen->distance, .source = ThresholdSource::kOperatingPoint, .fmr = chosen->fmr};
}

absl::StatusOr<Threshold> RequestThreshold(const Threshold& standard, std::optional<double> max_distance) {
  if (!max_distance.has_value()) return standard;
  if (!std::isfinite(*max_distance) || *max_distance <= 0) {
    return InvalidField("max_distance", "max_distance must be a finite number above 0");
  }
  return Threshold{.distance = *max_distance, .source = ThresholdSource::kRequest, .fmr = std::nullopt};
}

absl::StatusOr<double> MeasureDistance(const Embedding& a, const Embedding& b) {
  if (a.model != b.model) {
    return MakeError(Reason::MODEL_MISMATCH, "the embeddings were made by different models");
  }
  if (a.values.size() != b.values.size() || a.values.empty()) {
    return MakeError(Reason::STORE_CORRUPT, "the embeddings have different sizes");
  }
  const double distance = EuclideanDistance(a.values, b.values);
  if (!std::isfinite(distance)) {
    return MakeError(Reason::NETWORK_FAILED, "the distance between the embeddings is not a number");
  }
  return distance;
}

absl::StatusOr<NearestReference> FindNearestReference(const Embedding& probe,
                                                      absl::Span<const ReferenceEmbedding> references) {
  if (references.empty()) {
    return MakeError(Reason::PERSON_WITHOUT_REFERENCE, "the person has no reference left to compare with");
  }
  std::optional<NearestReference> nearest;
  for (size_t i = 0; i < references.size(); ++i) {
    if (references[i].embedding.model != probe.model) continue;
    const absl::StatusOr<double> distance = MeasureDistance(probe, references[i].embedding);
    if (!distance.ok()) return distance.status();
    if (!nearest.has_value() || *distance < nearest->distance) nearest = NearestReference{i, *distance};
  }
  if (!nearest.has_value()) {
    return MakeError(Reason::MODEL_MISMATCH,
                     "all references of the person were made by another model than the active one; enrol again");
  }
  return *nearest;
}

bool IsSamePerson(double distance, const Threshold& threshold) {
  return std::isfinite(distance) && distance >= 0 && distance <= threshold.distance;
}

}  // namespace likeness
