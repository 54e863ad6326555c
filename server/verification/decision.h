// The decision: the nearest reference, held against a threshold.
//
// Pure functions: no I/O, no clock, no network. They fail closed: whatever is not a measured distance at or below the
// threshold is an error or "different".
//
// A threshold t is that of faces which lie alone. Where the model has a cohort, it is lowered for each pair by how
// crowded the places of its two faces are, by the pair's tightening
//
//   ½ ((cap − c(a)) + (cap − c(b))) >= 0
//
// with the crowding c of cohort.h. A pair is the same person when distance <= t − tightening, which is when its
// normalized distance, distance + tightening, is at most t. Error rates are measured on normalized distances, so that
// one rate holds for people who lie close together and for those who do not.
//
// The contrastive loss (Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping") pulls
// genuine pairs towards distance 0 and pushes impostor pairs beyond the margin m, so a threshold lies in (0, m).
#ifndef LIKENESS_SERVER_VERIFICATION_DECISION_H_
#define LIKENESS_SERVER_VERIFICATION_DECISION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/verification/cohort.h"
#include "server/verification/embedding.h"

namespace likeness {

// The error rates of one group of people at an operating point.
struct GroupRates {
  std::string name;
  double fmr = 0;      // false match rate among pairs of the group, 0 to 1
  double fmr_low = 0;  // its 95 % confidence interval, bootstrapped over people
  double fmr_high = 0;
  double fnmr = 0;             // false non-match rate, 0 to 1
  int64_t genuine_pairs = 0;   // >= 1
  int64_t impostor_pairs = 0;  // >= 1
  int64_t people = 0;          // >= 2
};

// A distance and the false match rate measured at it.
struct OperatingPoint {
  double fmr = 0;              // false match rate, in (0, 1): of the group with the largest one where there are groups
  double distance = 0;         // normalized, > 0
  double fmr_low = 0;          // 95 % confidence interval of the rate at this distance, bootstrapped over people:
  double fmr_high = 0;         // 0 <= low <= fmr <= high <= 1; both 0 where it was not measured
  int64_t genuine_pairs = 0;   // pairs of the same person measured
  int64_t impostor_pairs = 0;  // pairs of different people measured
  int64_t people = 0;          // people measured
  std::string source;          // the data, in words
  std::vector<GroupRates> groups = {};  // empty where people were not told apart
};

// The group with the largest false match rate; null where there are no groups.
const GroupRates* WorstGroup(const OperatingPoint& point);

enum class ThresholdSource { kOperatingPoint, kHalfMargin, kRequest };

// How crowded the places of a pair's faces are: 0 … cap.
struct PairCrowding {
  double probe = 0;
  double reference = 0;
  double cap = 0;
};

// By how much the threshold of such a pair is lowered, >= 0; NaN where a crowding is.
double Tightening(const PairCrowding& crowding);

// The largest distance that still counts as the same person.
struct Threshold {
  // Of the pair, once it was decided; else of a pair whose faces lie alone. Nothing lies within one that nobody has
  // set.
  double distance = -1;
  ThresholdSource source = ThresholdSource::kHalfMargin;
  std::optional<OperatingPoint> point;  // set for kOperatingPoint only: what was measured at the distance
};

// What of a request decides about its threshold.
struct ThresholdRequest {
  std::optional<double> max_distance;
  std::optional<double> target_fmr;
};

// A rate is known only where this many impostor pairs are expected to match: with fewer, chance decides.
inline constexpr double kFewestFalseMatches = 10;

// The threshold for a false match rate of at most `target_fmr`: the measured point with the largest rate that does not
// exceed it, among those with kFewestFalseMatches. `points` ascend in rate. TARGET_FMR_UNSUPPORTED, saying what is
// supported, where there is none.
absl::StatusOr<Threshold> MeasuredThreshold(absl::Span<const OperatingPoint> points, double target_fmr);

// What decides where nothing was measured that supports a server's rate.
enum class UnmeasuredPolicy {
  kRefuse,      // nothing: nobody is verified
  kHalfMargin,  // half the margin: a try, whose rate nobody knows
};

// By what a server chooses the threshold of a model.
struct ThresholdRule {
  double target_fmr = 1e-3;  // above 0 and below 1
  UnmeasuredPolicy unmeasured = UnmeasuredPolicy::kRefuse;
};

// The threshold of a server: MeasuredThreshold(), and where nothing supports the rate what the rule says; nothing where
// nobody is to be verified.
std::optional<Threshold> ChooseThreshold(absl::Span<const OperatingPoint> points, double margin,
                                         const ThresholdRule& rule);

// Whether somebody measured how often strangers match at the threshold.
bool IsMeasured(const std::optional<Threshold>& threshold);

// THRESHOLD_NOT_MEASURED, for a model that ChooseThreshold() finds nothing for.
absl::Status ThresholdNotMeasured();

// The threshold for a request: its own max_distance, or one of the points by its own target_fmr, or `standard`.
// FIELD_INVALID unless max_distance is finite and > 0, target_fmr is above 0 and below 1, and one of them at most is
// given; TARGET_FMR_UNSUPPORTED; THRESHOLD_NOT_MEASURED where the request has none and there is no standard.
absl::StatusOr<Threshold> RequestThreshold(const std::optional<Threshold>& standard,
                                           absl::Span<const OperatingPoint> points, const ThresholdRequest& request);

// A measured pair, decided.
struct Decision {
  bool same_person = false;
  double distance = 0;
  double normalized_distance = 0;  // what log-likelihood ratio and error rates go by
  Threshold threshold;  // of this pair: where crowding is a number, same_person is IsSamePerson(distance, threshold)
  double base_distance = 0;              // the threshold of a pair whose faces lie alone, >= threshold.distance
  std::optional<PairCrowding> crowding;  // where the model has a cohort
};

// The one place where a distance becomes a verdict. The request's own max_distance (kRequest) is not lowered.
Decision Decide(double distance, const Threshold& base, const std::optional<PairCrowding>& crowding);

// Of a pair with this distance; the distance itself where the model has no cohort.
double NormalizedDistance(double distance, const std::optional<PairCrowding>& crowding);

// The distance between two embeddings. MODEL_MISMATCH when they come from different models, STORE_CORRUPT when their
// sizes differ, NETWORK_FAILED when the distance is not finite.
absl::StatusOr<double> MeasureDistance(const Embedding& a, const Embedding& b);

// A reference of a list, and how far it is.
struct NearestReference {
  size_t index = 0;
  double distance = 0;
  std::optional<double> crowding = std::nullopt;  // of the reference, where there is a cohort
};

// The reference of the probe's model that is nearest to the probe, by normalized distance where the model has a
// `cohort`, which may be null. PERSON_WITHOUT_REFERENCE when `references` is empty,
// MODEL_MISMATCH when none is of the probe's model; otherwise the errors of MeasureDistance().
absl::StatusOr<NearestReference> FindNearestReference(const Embedding& probe,
                                                      absl::Span<const ReferenceEmbedding> references,
                                                      const Cohort* cohort = nullptr);

// How a person's references decide together. docs/accuracy.md compares them.
enum class ReferencePolicy {
  kNearest,        // the distance to the nearest: the more references, the more often it matches, a stranger too
  kMeanEmbedding,  // the distance to their mean, which has unit length where embeddings do
  kMeanDistance,   // the mean of the distances
};

// Where a probe lies among a person's references.
struct ReferenceMatch {
  size_t nearest = 0;   // number of the nearest reference
  double distance = 0;  // what decides
  // Of what the distance is to: the nearest reference, the mean of the references, or on average. Where there is a
  // cohort.
  std::optional<double> crowding = std::nullopt;
};

// By the references of the probe's model alone; with one of them all policies say the same, but for rounding. Errors
// are those of FindNearestReference(); NETWORK_FAILED too where the references have no mean of a direction.
absl::StatusOr<ReferenceMatch> MatchReferences(const Embedding& probe, absl::Span<const ReferenceEmbedding> references,
                                               ReferencePolicy policy, bool unit_length,
                                               const Cohort* cohort = nullptr);

// True exactly when `distance` is a number in 0…threshold.distance.
bool IsSamePerson(double distance, const Threshold& threshold);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_DECISION_H_
