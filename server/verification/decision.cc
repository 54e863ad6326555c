#include "server/verification/decision.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr double kRounding = 1e-9;

bool IsSupported(const OperatingPoint& point) {
  return point.fmr * static_cast<double>(point.impostor_pairs) * (1 + kRounding) >= kFewestFalseMatches;
}

}  // namespace

absl::StatusOr<Threshold> MeasuredThreshold(absl::Span<const OperatingPoint> points, double target_fmr) {
  const OperatingPoint* chosen = nullptr;
  const OperatingPoint* lowest = nullptr;
  for (const OperatingPoint& point : points) {
    if (!IsSupported(point)) continue;
    if (lowest == nullptr) lowest = &point;
    // A rate that was written as 1e-3 and asked for as 0.001 is the same rate.
    if (point.fmr <= target_fmr * (1 + kRounding)) chosen = &point;
  }
  if (lowest == nullptr) {
    return MakeError(Reason::TARGET_FMR_UNSUPPORTED, "no false match rate was measured for this model");
  }
  if (chosen == nullptr) {
    return MakeError(Reason::TARGET_FMR_UNSUPPORTED,
                     absl::StrCat("a false match rate of ", target_fmr, " is more than the measurements of this model ",
                                  "support; the lowest that they do is ", lowest->fmr));
  }
  return Threshold{.distance = chosen->distance, .source = ThresholdSource::kOperatingPoint, .point = *chosen};
}

Threshold ChooseThreshold(absl::Span<const OperatingPoint> points, double target_fmr, double margin) {
  const absl::StatusOr<Threshold> measured = MeasuredThreshold(points, target_fmr);
  if (measured.ok()) return *measured;
  return {.distance = margin / 2, .source = ThresholdSource::kHalfMargin, .point = std::nullopt};
}

absl::StatusOr<Threshold> RequestThreshold(const Threshold& standard, absl::Span<const OperatingPoint> points,
                                           const ThresholdRequest& request) {
  if (request.max_distance.has_value() && request.target_fmr.has_value()) {
    return InvalidField("target_fmr", "target_fmr and max_distance cannot both decide");
  }
  if (request.target_fmr.has_value()) {
    if (!(*request.target_fmr > 0 && *request.target_fmr < 1)) {
      return InvalidField("target_fmr", "target_fmr must be above 0 and below 1");
    }
    return MeasuredThreshold(points, *request.target_fmr);
  }
  if (!request.max_distance.has_value()) return standard;
  if (!std::isfinite(*request.max_distance) || *request.max_distance <= 0) {
    return InvalidField("max_distance", "max_distance must be a finite number above 0");
  }
  return Threshold{.distance = *request.max_distance, .source = ThresholdSource::kRequest, .point = std::nullopt};
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
