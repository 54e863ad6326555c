#include "server/verification/decision.h"

#include <algorithm>
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

// What was measured when the reference was embedded or loaded, or is measured now.
std::optional<double> CrowdingOf(const ReferenceEmbedding& reference, const Cohort* cohort) {
  if (cohort == nullptr) return std::nullopt;
  return reference.crowding.has_value() ? *reference.crowding : cohort->Crowding(reference.embedding.values);
}

// Of what lies at one distance from the probe, the lower is the nearer: the probe's own crowding is the same for all.
double Rank(const NearestReference& reference) { return reference.distance - reference.crowding.value_or(0) / 2; }

absl::StatusOr<ReferenceMatch> MatchOnAverage(const Embedding& probe,
                                              const std::vector<const ReferenceEmbedding*>& references,
                                              const Cohort* cohort) {
  ReferenceMatch mean;
  double crowding = 0;
  for (const ReferenceEmbedding* reference : references) {
    const absl::StatusOr<double> distance = MeasureDistance(probe, reference->embedding);
    if (!distance.ok()) return distance.status();
    mean.distance += *distance;
    crowding += CrowdingOf(*reference, cohort).value_or(0);
  }
  mean.distance /= static_cast<double>(references.size());
  if (cohort != nullptr) mean.crowding = crowding / static_cast<double>(references.size());
  return mean;
}

// FindNearestReference() has found their sizes to be those of the probe.
absl::StatusOr<ReferenceMatch> MatchMean(const Embedding& probe,
                                         const std::vector<const ReferenceEmbedding*>& references, bool unit_length,
                                         const Cohort* cohort) {
  // Unit vectors that all but cancel each other out have a mean whose direction says nothing.
  constexpr double kShortest = 1e-3;
  std::vector<double> mean(probe.values.size());
  for (const ReferenceEmbedding* reference : references) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += reference->embedding.values[i];
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
  const absl::StatusOr<double> distance = MeasureDistance(probe, scaled);
  if (!distance.ok()) return distance.status();
  ReferenceMatch match{.distance = *distance};
  if (cohort != nullptr) match.crowding = cohort->Crowding(scaled.values);
  return match;
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

std::optional<Threshold> ChooseThreshold(absl::Span<const OperatingPoint> points, double margin,
                                         const ThresholdRule& rule) {
  const absl::StatusOr<Threshold> measured = MeasuredThreshold(points, rule.target_fmr);
  if (measured.ok()) return *measured;
  if (rule.unmeasured == UnmeasuredPolicy::kRefuse) return std::nullopt;
  return Threshold{.distance = margin / 2, .source = ThresholdSource::kHalfMargin, .point = std::nullopt};
}

bool IsMeasured(const std::optional<Threshold>& threshold) {
  return threshold.has_value() && threshold->source == ThresholdSource::kOperatingPoint;
}

absl::Status ThresholdNotMeasured() {
  return MakeError(Reason::THRESHOLD_NOT_MEASURED,
                   "nobody has measured at which distance this model keeps to the server's --target-fmr, so nothing "
                   "says who is the same person; measure it with `likeness calibrate`, or start the server with "
                   "--threshold=half-margin to try the model at an unknown error rate");
}

absl::StatusOr<Threshold> RequestThreshold(const std::optional<Threshold>& standard,
                                           absl::Span<const OperatingPoint> points, const ThresholdRequest& request) {
  if (request.max_distance.has_value() && request.target_fmr.has_value()) {
    return InvalidField("target_fmr", "target_fmr and max_distance cannot both decide");
  }
  if (request.target_fmr.has_value()) {
    if (!(*request.target_fmr > 0 && *request.target_fmr < 1)) {
      return InvalidField("target_fmr", "target_fmr must be above 0 and below 1");
    }
    return MeasuredThreshold(points, *request.target_fmr);
  }
  if (!request.max_distance.has_value()) {
    return standard.has_value() ? absl::StatusOr<Threshold>(*standard) : ThresholdNotMeasured();
  }
  if (!std::isfinite(*request.max_distance) || *request.max_distance <= 0) {
    return InvalidField("max_distance", "max_distance must be a finite number above 0");
  }
  return Threshold{.distance = *request.max_distance, .source = ThresholdSource::kRequest, .point = std::nullopt};
}

const GroupRates* WorstGroup(const OperatingPoint& point) {
  const auto worst = std::max_element(point.groups.begin(), point.groups.end(),
                                      [](const GroupRates& a, const GroupRates& b) { return a.fmr < b.fmr; });
  return worst == point.groups.end() ? nullptr : &*worst;
}

double Tightening(const PairCrowding& crowding) {
  return ((crowding.cap - crowding.probe) + (crowding.cap - crowding.reference)) / 2;
}

double NormalizedDistance(double distance, const std::optional<PairCrowding>& crowding) {
  return crowding.has_value() ? distance + Tightening(*crowding) : distance;
}

Decision Decide(double distance, const Threshold& base, const std::optional<PairCrowding>& crowding) {
  Decision decision{.distance = distance,
                    .normalized_distance = NormalizedDistance(distance, crowding),
                    .threshold = base,
                    .base_distance = base.distance,
                    .crowding = crowding};
  if (crowding.has_value() && base.source != ThresholdSource::kRequest) {
    decision.threshold.distance -= Tightening(*crowding);
  }
  decision.same_person = std::isfinite(decision.normalized_distance) && IsSamePerson(distance, decision.threshold);
  return decision;
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
                                                      absl::Span<const ReferenceEmbedding> references,
                                                      const Cohort* cohort) {
  if (references.empty()) {
    return MakeError(Reason::PERSON_WITHOUT_REFERENCE, "the person has no reference left to compare with");
  }
  std::optional<NearestReference> nearest;
  for (size_t i = 0; i < references.size(); ++i) {
    if (references[i].embedding.model != probe.model) continue;
    const absl::StatusOr<double> distance = MeasureDistance(probe, references[i].embedding);
    if (!distance.ok()) return distance.status();
    const NearestReference found{i, *distance, CrowdingOf(references[i], cohort)};
    if (!nearest.has_value() || Rank(found) < Rank(*nearest)) nearest = found;
  }
  if (!nearest.has_value()) {
    return MakeError(Reason::MODEL_MISMATCH,
                     "all references of the person were made by another model than the active one; enrol again");
  }
  return *nearest;
}

absl::StatusOr<ReferenceMatch> MatchReferences(const Embedding& probe, absl::Span<const ReferenceEmbedding> references,
                                               ReferencePolicy policy, bool unit_length, const Cohort* cohort) {
  const absl::StatusOr<NearestReference> nearest = FindNearestReference(probe, references, cohort);
  if (!nearest.ok()) return nearest.status();
  std::vector<const ReferenceEmbedding*> comparable;
  for (const ReferenceEmbedding& reference : references) {
    if (reference.embedding.model == probe.model) comparable.push_back(&reference);
  }
  absl::StatusOr<ReferenceMatch> match = ReferenceMatch{0, nearest->distance, nearest->crowding};
  if (policy == ReferencePolicy::kMeanDistance) match = MatchOnAverage(probe, comparable, cohort);
  if (policy == ReferencePolicy::kMeanEmbedding && comparable.size() > 1) {
    match = MatchMean(probe, comparable, unit_length, cohort);
  }
  if (match.ok()) match->nearest = nearest->index;
  return match;
}

bool IsSamePerson(double distance, const Threshold& threshold) {
  return std::isfinite(distance) && distance >= 0 && distance <= threshold.distance;
}

}  // namespace likeness
