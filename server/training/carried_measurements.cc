#include "server/training/carried_measurements.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/training/embedding_pairs.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

// A group of synthetic people shows a rate at which so many of its pairs are expected to match.
constexpr double kFewestSyntheticMatches = 3;

// The median over centroids of the mean distance to their nearest neighbors.
double SpreadOf(const std::vector<std::vector<float>>& centroids, size_t nearest) {
  std::vector<double> spreads;
  for (const std::vector<float>& centroid : centroids) {
    std::vector<double> distances;
    for (const std::vector<float>& other : centroids) {
      if (&other != &centroid) distances.push_back(EuclideanDistance(centroid, other));
    }
    const size_t count = std::min(nearest, distances.size());
    std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(count), distances.end());
    spreads.push_back(std::accumulate(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(count), 0.0) /
                      static_cast<double>(std::max<size_t>(count, 1)));
  }
  std::nth_element(spreads.begin(), spreads.begin() + static_cast<std::ptrdiff_t>(spreads.size() / 2), spreads.end());
  return spreads[spreads.size() / 2];
}

size_t CountWithin(const std::vector<double>& ascending, double distance) {
  return static_cast<size_t>(std::upper_bound(ascending.begin(), ascending.end(), distance) - ascending.begin());
}

// The largest distance at which no more pairs match than `rate` allows, or than did before at `distance`.
double LargestAt(const LayeredPairs& pairs, double rate, double distance) {
  const std::vector<double>& impostor = pairs.after.impostor;
  const auto allowed = static_cast<size_t>(rate * static_cast<double>(impostor.size()));
  const size_t matches = std::max(allowed, CountWithin(pairs.before.impostor, distance));
  if (matches >= impostor.size()) return std::numeric_limits<double>::infinity();
  return std::nextafter(impostor[matches], 0);
}

// Where the synthetic people put the points' distances. Points that none of them shows have none.
std::vector<std::optional<double>> DistancesShown(absl::Span<const OperatingPoint> points,
                                                  absl::Span<const LayeredPairs> synthetic) {
  std::vector<std::optional<double>> shown;
  for (const OperatingPoint& point : points) {
    double least = std::numeric_limits<double>::infinity();
    for (const LayeredPairs& pairs : synthetic) {
      const bool shows = point.fmr * static_cast<double>(pairs.after.impostor.size()) >= kFewestSyntheticMatches;
      least = shows ? std::min(least, LargestAt(pairs, point.fmr, point.distance)) : -1;
    }
    shown.push_back(least > 0 && std::isfinite(least) ? std::optional<double>(least) : std::nullopt);
  }
  return shown;
}

// A straight line through what is known of where distances go.
struct Line {
  double offset = 0;
  double slope = 1;

  double At(double distance) const { return offset + slope * distance; }
};

// Least squares; through the origin where there is but one point.
Line FitLine(absl::Span<const OperatingPoint> points, const std::vector<std::optional<double>>& shown, size_t most) {
  std::vector<std::pair<double, double>> known;
  for (size_t i = 0; i < points.size() && known.size() < most; ++i) {
    if (shown[i].has_value()) known.emplace_back(points[i].distance, *shown[i]);
  }
  double mean_x = 0;
  double mean_y = 0;
  for (const auto& [x, y] : known) {
    mean_x += x / static_cast<double>(known.size());
    mean_y += y / static_cast<double>(known.size());
  }
  double square = 0;
  double product = 0;
  for (const auto& [x, y] : known) {
    square += (x - mean_x) * (x - mean_x);
    product += (x - mean_x) * (y - mean_y);
  }
  if (!(square > 0) || !(product > 0)) return {0, mean_y / mean_x};
  return {mean_y - product / square * mean_x, product / square};
}

double Normal(double z) { return std::erfc(-z / std::sqrt(2)) / 2; }

// The z at which the standard normal distribution reaches `share`, by bisection.
double NormalQuantile(double share) {
  double low = -8;
  double high = 8;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (Normal(middle) < share ? low : high) = middle;
  }
  return low;
}

// How many standard deviations of the distances the threshold lies above their mean.
double Height(const std::vector<double>& distances, double threshold) {
  const auto n = static_cast<double>(distances.size());
  const double mean = std::accumulate(distances.begin(), distances.end(), 0.0) / n;
  double squares = 0;
  for (double distance : distances) squares += (distance - mean) * (distance - mean);
  return (threshold - mean) / std::sqrt(squares / n);
}

double RateWithin(const std::vector<double>& ascending, double distance) {
  return static_cast<double>(CountWithin(ascending, distance)) / static_cast<double>(ascending.size());
}

// What becomes of a group's rates. Its false match rate falls or rises by as much as that of its synthetic people,
// where any of these matched before.
void Foretell(const LayeredPairs& synthetic, double threshold_before, double threshold_after, GroupRates& group) {
  group.fnmr = ForetellFalseNonMatchRate(group.fnmr, threshold_before, threshold_after, synthetic);
  const double before = RateWithin(synthetic.before.impostor, threshold_before);
  if (before == 0) return;
  group.fmr = std::min(group.fmr * RateWithin(synthetic.after.impostor, threshold_after) / before, 1.0);
  group.fmr_low = std::min(group.fmr_low, group.fmr);
  group.fmr_high = std::max(group.fmr_high, group.fmr);
}

}  // namespace

absl::StatusOr<Cohort> CarryCohort(const Cohort& cohort, const LinearHead& layer) {
  std::vector<std::vector<float>> centroids;
  for (size_t i = 0; i < cohort.centroids(); ++i) {
    centroids.emplace_back(cohort.Centroid(i).begin(), cohort.Centroid(i).end());
  }
  const std::vector<std::vector<float>> moved = layer.ApplyToAll(centroids);
  CohortDescription description = cohort.description();
  const auto nearest = static_cast<size_t>(description.nearest);
  const double before = SpreadOf(centroids, nearest);
  if (before > 0) description.cap *= SpreadOf(moved, nearest) / before;
  std::vector<float> numbers;
  for (const std::vector<float>& centroid : moved) numbers.insert(numbers.end(), centroid.begin(), centroid.end());
  return Cohort::Create(numbers, cohort.size(), std::move(description));
}

absl::StatusOr<PairDistances> DistancesAmong(const SyntheticGroup& group, const Cohort* cohort) {
  std::vector<int> people;
  for (size_t face = 0; face < group.faces.size(); ++face) people.push_back(static_cast<int>(group.PersonOf(face)));
  const absl::StatusOr<PeoplePairs> pairs = PairsAmong(group.faces, people, cohort);
  if (!pairs.ok()) return pairs.status();
  return SortedDistances(*pairs);
}

double ForetellFalseNonMatchRate(double rate_before, double threshold_before, double threshold_after,
                                 const LayeredPairs& synthetic) {
  constexpr double kHighEnough = 0.5;  // for a ratio to mean something
  constexpr double kNever = 1e-6;
  const double before = Height(synthetic.before.genuine, threshold_before);
  const double after = Height(synthetic.after.genuine, threshold_after);
  const double real = NormalQuantile(1 - std::clamp(rate_before, kNever, 1 - kNever));
  return 1 - Normal(before > kHighEnough ? real * after / before : real + after - before);
}

absl::StatusOr<MeasurementCarrier> MeasurementCarrier::Create(const BundleManifest& base) {
  if (base.operating_points.empty() || base.synthetic_people == nullptr || base.synthetic_people->empty()) {
    return absl::FailedPreconditionError(
        "the base model brings no measured operating points and synthetic people along; `likeness calibrate` makes "
        "them");
  }
  MeasurementCarrier carrier(base);
  for (const SyntheticGroup& group : *base.synthetic_people) {
    absl::StatusOr<PairDistances> distances = DistancesAmong(group, base.cohort.get());
    if (!distances.ok()) return distances.status();
    carrier.before_.push_back(*std::move(distances));
  }
  return carrier;
}

absl::StatusOr<BundleMeasurements> MeasurementCarrier::CarryOver(const LinearHead& layer, const LayeredPairs& at_hand,
                                                                 const std::string& source) const {
  const BundleManifest& base = *base_;
  BundleMeasurements carried;
  if (base.cohort != nullptr) {
    absl::StatusOr<Cohort> cohort = CarryCohort(*base.cohort, layer);
    if (!cohort.ok()) return cohort.status();
    carried.cohort = std::make_shared<const Cohort>(*std::move(cohort));
  }
  std::vector<SyntheticGroup> people;
  std::vector<LayeredPairs> synthetic;
  for (const SyntheticGroup& group : *base.synthetic_people) {
    people.push_back({group.name, group.faces_of_person, layer.ApplyToAll(group.faces)});
    absl::StatusOr<PairDistances> distances = DistancesAmong(people.back(), carried.cohort.get());
    if (!distances.ok()) return distances.status();
    synthetic.push_back({before_[synthetic.size()], *std::move(distances)});
  }
  carried.synthetic_people = std::make_shared<const std::vector<SyntheticGroup>>(std::move(people));

  const std::vector<std::optional<double>> shown = DistancesShown(base.operating_points, synthetic);
  const Line lowest = FitLine(base.operating_points, shown, /*most=*/2);
  for (size_t i = 0; i < base.operating_points.size(); ++i) {
    OperatingPoint point = base.operating_points[i];
    const double before = point.distance;
    point.distance = std::min(shown[i].value_or(lowest.At(before)), LargestAt(at_hand, point.fmr, before));
    if (!(point.distance > 0) || !std::isfinite(point.distance)) continue;
    if (!carried.operating_points.empty() && point.distance < carried.operating_points.back().distance) continue;
    for (GroupRates& group : point.groups) {
      for (size_t of = 0; of < synthetic.size(); ++of) {
        if ((*base.synthetic_people)[of].name != group.name) continue;
        Foretell(synthetic[of], before, point.distance, group);
      }
    }
    point.source =
        absl::StrCat("carried over to a linear layer by synthetic people and by ", source, "; before: ", point.source);
    carried.operating_points.push_back(std::move(point));
  }
  if (base.calibration.has_value()) {
    const Line all = FitLine(base.operating_points, shown, base.operating_points.size());
    Calibration calibration = *base.calibration;
    calibration.offset -= calibration.slope * all.offset / all.slope;
    calibration.slope /= all.slope;
    calibration.source = absl::StrCat("carried over to a linear layer; before: ", calibration.source);
    carried.calibration = std::move(calibration);
  }
  return carried;
}

}  // namespace likeness
