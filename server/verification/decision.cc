#include "server/verification/decision.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr double kRounding = 1e-9;

bool IsSupported(const OperatingPoint& point) {
  return point.fmr * static_cast<double>(point.impostor_pairs) * (1 + kRounding) >= kFewestFalseMatches;
}

absl::StatusOr<double> MeanDistance(const Embedding& probe, const std::vector<const Embedding*>& references) {
  double sum = 0;
  for (const Embedding* reference : references) {
    const absl::StatusOr<double> distance = MeasureDistance(probe, *reference);
    if (!distance.ok()) return distance.status();
    sum += *distance;
  }
  return sum / static_cast<double>(references.size());
}

// FindNearestReference() has found their sizes to be those of the probe.
absl::StatusOr<double> DistanceToMean(const Embedding& probe, const std::vector<const Embedding*>& references,
                                      bool unit_length) {
  // Unit vectors that all but cancel each other out have a mean whose direction says nothing.
  constexpr double kShortest = 1e-3;
  std::vector<double> mean(probe.values.size());
  for (const Embedding* reference : references) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += reference->values[i];
  }
  double square = 0;
  for (double& value : mean) {
    value /= static_cast<double>(references.size());
    square += value * value;
  }
  const double length = unit_length ? std::sqrt(square) : 1;
  if (!(length >= kShortest)) return MakeError(Reason::NETWORK_FAILED, "the references have no mean of a direction");
  Embedding scaled{probe.model, {}};
  for (double value : mean) scaled.values.push_back(static_cast<float>(value / length));
  return MeasureDistance(probe, scaled);
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

absl::StatusOr<ReferenceMatch> MatchReferences(const Embedding& probe, absl::Span<const ReferenceEmbedding> references,
                                               ReferencePolicy policy, bool unit_length) {
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(probe, references);
  if (!nearest.ok()) return nearest.status();
  std::vector<const Embedding*> comparable;
  for (const ReferenceEmbedding& reference : references) {
    if (reference.embedding.model == probe.model) comparable.push_back(&reference.embedding);
  }
  absl::StatusOr<double> distance = nearest->distance;
  if (policy == ReferencePolicy::kMeanDistance) distance = MeanDistance(probe, comparable);
  if (policy == ReferencePolicy::kMeanEmbedding && comparable.size() > 1) {
    distance = DistanceToMean(probe, comparable, unit_length);
  }
  if (!distance.ok()) return distance.status();
  return ReferenceMatch{nearest->index, *distance};
}

bool IsSamePerson(double distance, const Threshold& threshold) {
  return std::isfinite(distance) && distance >= 0 && distance <= threshold.distance;
}

}  // namespace likeness
