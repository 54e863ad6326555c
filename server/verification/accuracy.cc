#include "server/verification/accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

absl::Status CheckDistances(absl::Span<const double> distances, absl::string_view kind) {
  if (distances.empty()) return absl::InvalidArgumentError(absl::StrCat("there are no ", kind, " pairs"));
  if (std::any_of(distances.begin(), distances.end(), [](double distance) { return std::isnan(distance); })) {
    return absl::InvalidArgumentError(absl::StrCat("the distance of a pair (", kind, ") is not a number"));
  }
  return absl::OkStatus();
}

absl::Status CheckDistances(const PairDistances& distances) {
  absl::Status status = CheckDistances(distances.genuine, "genuine");
  if (status.ok()) status = CheckDistances(distances.impostor, "impostor");
  return status;
}

absl::Status CheckThreshold(double threshold) {
  return std::isfinite(threshold) ? absl::OkStatus() : absl::InvalidArgumentError("the threshold must be finite");
}

// `distances` ascending: as they are, or a copy in `storage`.
const std::vector<double>& Sorted(const std::vector<double>& distances, std::vector<double>& storage) {
  if (std::is_sorted(distances.begin(), distances.end())) return distances;
  storage = distances;
  std::sort(storage.begin(), storage.end());
  return storage;
}

// Calls `visit(genuine, impostor)` for each distinct distance in ascending order with the number of pairs that have it,
// until it returns false.
template <typename Visit>
void VisitDistances(const PairDistances& distances, Visit visit) {
  std::vector<double> genuine_storage;
  std::vector<double> impostor_storage;
  const std::vector<double>& genuine = Sorted(distances.genuine, genuine_storage);
  const std::vector<double>& impostor = Sorted(distances.impostor, impostor_storage);
  auto g = genuine.begin();
  auto i = impostor.begin();
  while (g != genuine.end() || i != impostor.end()) {
    const double distance = i == impostor.end() || (g != genuine.end() && *g < *i) ? *g : *i;
    const auto is_other = [distance](double other) { return other != distance; };
    const auto next_g = std::find_if(g, genuine.end(), is_other);
    const auto next_i = std::find_if(i, impostor.end(), is_other);
    if (!visit(static_cast<double>(next_g - g), static_cast<double>(next_i - i))) return;
    g = next_g;
    i = next_i;
  }
}

double ShareVerified(absl::Span<const double> distances, double threshold) {
  const auto verified =
      std::count_if(distances.begin(), distances.end(), [threshold](double distance) { return distance <= threshold; });
  return static_cast<double>(verified) / static_cast<double>(distances.size());
}

// The largest number of `pairs` whose share is at most `rate`; robust against rate × pairs being rounded.
size_t LargestCount(size_t pairs, double rate) {
  const double n = static_cast<double>(pairs);
  size_t count = static_cast<size_t>(std::floor(rate * n));
  while (count < pairs && static_cast<double>(count + 1) / n <= rate) ++count;
  while (count > 0 && static_cast<double>(count) / n > rate) --count;
  return count;
}

// A pair of one fold.
struct FoldPair {
  double distance;
  bool genuine;
  size_t fold;
};

constexpr size_t kNoFold = std::numeric_limits<size_t>::max();

// A finite threshold that verifies `low` and refuses `high`, where low < high.
double ThresholdBetween(double low, double high) {
  if (std::isinf(low)) return std::isinf(high) ? 0 : std::nextafter(high, -kInfinity);
  if (std::isinf(high)) return low;
  const double middle = low + (high - low) / 2;
  return middle < high ? middle : low;
}

// BestAccuracy over the pairs that are not in fold `left_out`; `sorted` ascends by distance.
ThresholdAccuracy BestAccuracyWithout(absl::Span<const FoldPair> sorted, size_t left_out) {
  int64_t total = 0;
  int64_t right = 0;  // With all pairs up to `verified_up_to` verified and the others not.
  for (const FoldPair& pair : sorted) {
    if (pair.fold == left_out) continue;
    ++total;
    right += pair.genuine ? 0 : 1;
  }
  int64_t best_right = -1;
  double best_threshold = 0;
  double verified_up_to = -kInfinity;
  const auto consider_threshold_below = [&](double distance) {
    if (right <= best_right) return;
    best_right = right;
    best_threshold = ThresholdBetween(verified_up_to, distance);
  };
  for (const FoldPair& pair : sorted) {
    if (pair.fold == left_out) continue;
    if (pair.distance == kInfinity) break;
    if (pair.distance != verified_up_to) {
      consider_threshold_below(pair.distance);
      verified_up_to = pair.distance;
    }
    right += pair.genuine ? 1 : -1;
  }
  consider_threshold_below(kInfinity);
  return {best_threshold, static_cast<double>(best_right) / static_cast<double>(total)};
}

absl::StatusOr<std::vector<FoldPair>> SortedPairs(absl::Span<const std::vector<LabelledDistance>> folds) {
  std::vector<FoldPair> pairs;
  for (size_t fold = 0; fold < folds.size(); ++fold) {
    if (folds[fold].empty()) return absl::InvalidArgumentError("a list of pairs is empty");
    for (const LabelledDistance& pair : folds[fold]) {
      if (std::isnan(pair.distance)) return absl::InvalidArgumentError("the distance of a pair is not a number");
      pairs.push_back({pair.distance, pair.genuine, fold});
    }
  }
  std::sort(pairs.begin(), pairs.end(), [](const FoldPair& a, const FoldPair& b) { return a.distance < b.distance; });
  return pairs;
}

}  // namespace

absl::StatusOr<double> EqualErrorRate(const PairDistances& distances) {
  if (absl::Status status = CheckDistances(distances); !status.ok()) return status;
  double verified_genuine = 0;
  double verified_impostor = 0;
  double fmr = 0;
  double fnmr = 1;
  double rate = 0;
  VisitDistances(distances, [&](double genuine, double impostor) {
    verified_genuine += genuine;
    verified_impostor += impostor;
    const double next_fmr = verified_impostor / static_cast<double>(distances.impostor.size());
    const double next_fnmr = 1 - verified_genuine / static_cast<double>(distances.genuine.size());
    if (next_fmr < next_fnmr) {
      fmr = next_fmr;
      fnmr = next_fnmr;
      return true;
    }
    const double gap = fnmr - fmr;
    const double next_gap = next_fnmr - next_fmr;
    rate = fmr + (next_fmr - fmr) * gap / (gap - next_gap);
    return false;
  });
  return rate;
}

absl::StatusOr<double> AreaUnderRoc(const PairDistances& distances) {
  if (absl::Status status = CheckDistances(distances); !status.ok()) return status;
  const double genuine_pairs = static_cast<double>(distances.genuine.size());
  const double impostor_pairs = static_cast<double>(distances.impostor.size());
  double farther_impostor = impostor_pairs;
  double nearer = 0;
  VisitDistances(distances, [&](double genuine, double impostor) {
    farther_impostor -= impostor;
    nearer += genuine * (farther_impostor + impostor / 2);
    return true;
  });
  return nearer / genuine_pairs / impostor_pairs;
}

absl::StatusOr<OperatingPointRates> RatesAtThreshold(const PairDistances& distances, double threshold) {
  if (absl::Status status = CheckDistances(distances); !status.ok()) return status;
  if (absl::Status status = CheckThreshold(threshold); !status.ok()) return status;
  return OperatingPointRates{.distance = threshold,
                             .false_match_rate = ShareVerified(distances.impostor, threshold),
                             .false_non_match_rate = 1 - ShareVerified(distances.genuine, threshold),
                             .genuine_pairs = static_cast<int64_t>(distances.genuine.size()),
                             .impostor_pairs = static_cast<int64_t>(distances.impostor.size())};
}

absl::StatusOr<OperatingPointRates> RatesAtFalseMatchRate(const PairDistances& distances,
                                                          double target_false_match_rate) {
  if (absl::Status status = CheckDistances(distances); !status.ok()) return status;
  if (!(target_false_match_rate >= 0 && target_false_match_rate <= 1)) {
    return absl::InvalidArgumentError("the target false match rate must lie in 0 to 1");
  }
  std::vector<double> storage;
  const std::vector<double>& impostor = Sorted(distances.impostor, storage);
  const size_t matches = LargestCount(impostor.size(), target_false_match_rate);
  if (matches < impostor.size()) {
    // One more match would be too many, so the threshold stays below the distance that would bring it.
    const double first_refused = impostor[matches];
    if (first_refused == -kInfinity) {
      return absl::FailedPreconditionError("more impostor pairs failed than the target false match rate allows");
    }
    if (first_refused < kInfinity) return RatesAtThreshold(distances, std::nextafter(first_refused, -kInfinity));
  }
  double largest = -kInfinity;
  for (const std::vector<double>* set : {&distances.genuine, &distances.impostor}) {
    for (double distance : *set) {
      if (std::isfinite(distance)) largest = std::max(largest, distance);
    }
  }
  if (largest == -kInfinity) return absl::FailedPreconditionError("no pair has a finite distance");
  return RatesAtThreshold(distances, largest);
}

absl::StatusOr<OperatingPointRates> MeasureOperatingPoint(const PairDistances& distances,
                                                          double target_false_match_rate) {
  absl::StatusOr<OperatingPointRates> rates = RatesAtFalseMatchRate(distances, target_false_match_rate);
  if (!rates.ok()) return rates;
  if (LargestCount(distances.impostor.size(), target_false_match_rate) == 0) {
    return absl::FailedPreconditionError(absl::StrCat("a false match rate of ", target_false_match_rate,
                                                      " cannot be measured on ", distances.impostor.size(),
                                                      " impostor pairs"));
  }
  if (!(rates->distance > 0)) {
    return absl::FailedPreconditionError(
        absl::StrCat("no distance above 0 has a false match rate of ", target_false_match_rate, " or less"));
  }
  return rates;
}

absl::StatusOr<ThresholdAccuracy> AccuracyAt(absl::Span<const LabelledDistance> pairs, double threshold) {
  if (pairs.empty()) return absl::InvalidArgumentError("a list of pairs is empty");
  if (absl::Status status = CheckThreshold(threshold); !status.ok()) return status;
  int64_t right = 0;
  for (const LabelledDistance& pair : pairs) {
    if (std::isnan(pair.distance)) return absl::InvalidArgumentError("the distance of a pair is not a number");
    right += (pair.distance <= threshold) == pair.genuine ? 1 : 0;
  }
  return ThresholdAccuracy{threshold, static_cast<double>(right) / static_cast<double>(pairs.size())};
}

absl::StatusOr<ThresholdAccuracy> BestAccuracy(absl::Span<const LabelledDistance> pairs) {
  const std::vector<LabelledDistance> only_fold(pairs.begin(), pairs.end());
  const absl::StatusOr<std::vector<FoldPair>> sorted = SortedPairs({only_fold});
  if (!sorted.ok()) return sorted.status();
  return BestAccuracyWithout(*sorted, kNoFold);
}

absl::StatusOr<CrossValidatedAccuracy> CrossValidateAccuracy(absl::Span<const std::vector<LabelledDistance>> folds) {
  if (folds.size() < 2) return absl::InvalidArgumentError("cross-validation needs at least two folds");
  const absl::StatusOr<std::vector<FoldPair>> sorted = SortedPairs(folds);
  if (!sorted.ok()) return sorted.status();
  CrossValidatedAccuracy result;
  for (size_t fold = 0; fold < folds.size(); ++fold) {
    const absl::StatusOr<ThresholdAccuracy> accuracy =
        AccuracyAt(folds[fold], BestAccuracyWithout(*sorted, fold).threshold);
    if (!accuracy.ok()) return accuracy.status();
    result.folds.push_back(*accuracy);
    result.mean += accuracy->accuracy;
  }
  const double count = static_cast<double>(folds.size());
  result.mean /= count;
  double squares = 0;
  for (const ThresholdAccuracy& fold : result.folds) squares += std::pow(fold.accuracy - result.mean, 2);
  result.standard_error = std::sqrt(squares / (count - 1) / count);
  return result;
}

}  // namespace likeness
