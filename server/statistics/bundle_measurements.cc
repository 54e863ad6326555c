#include "server/statistics/bundle_measurements.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <utility>

#include "server/statistics/figures.h"

namespace likeness {
namespace {

int64_t MeasuredImpostorPairs(const PeoplePairs& pairs) {
  return std::count_if(pairs.pairs.begin(), pairs.pairs.end(),
                       [](const PeoplePair& pair) { return !pair.genuine() && std::isfinite(pair.distance); });
}

// 0.1, 0.05, 0.02, 0.01, … as far down as the pairs support, ascending.
std::vector<double> SupportedRates(absl::Span<const GroupPairs> groups) {
  constexpr double kSteps[] = {1, 5, 2};
  constexpr int kLowestDecade = -9;
  int64_t all = 0;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (const GroupPairs& group : groups) {
    const int64_t impostor_pairs = MeasuredImpostorPairs(group.pairs);
    all += impostor_pairs;
    fewest = std::min(fewest, impostor_pairs);
  }
  std::vector<double> rates;
  for (int decade = -1; decade >= kLowestDecade; --decade) {
    for (double step : kSteps) {
      // 0.1 and then the two steps below it, each as near to its decimal as a double comes.
      const double rate = step / std::pow(10, step == 1 ? -decade : 1 - decade);
      const double rounding = 1 + 1e-9;
      if (rate * static_cast<double>(all) * rounding < kFewestFalseMatches) break;
      if (rate * static_cast<double>(fewest) * rounding < 1) break;
      rates.push_back(rate);
    }
  }
  std::reverse(rates.begin(), rates.end());
  return rates;
}

// For each rate the largest distance at which every group keeps it; the rates that a group cannot show are left out.
std::vector<std::pair<double, double>> DistancesForAll(absl::Span<const PairDistances> groups,
                                                       const std::vector<double>& rates) {
  std::vector<std::pair<double, double>> distances;
  for (double rate : rates) {
    double least = std::numeric_limits<double>::infinity();
    for (const PairDistances& group : groups) {
      const absl::StatusOr<OperatingPointRates> point = MeasureOperatingPoint(group, rate);
      least = point.ok() ? std::min(least, point->distance) : -1;
    }
    if (least > 0 && (distances.empty() || least > distances.back().second)) distances.emplace_back(rate, least);
  }
  return distances;
}

GroupRates RatesOf(const std::string& name, const ThresholdFigures& at, const Figures& figures) {
  return {.name = name,
          .fmr = at.false_match_rate.value,
          .fmr_low = at.false_match_rate.interval.low,
          .fmr_high = at.false_match_rate.interval.high,
          .fnmr = at.false_non_match_rate.value,
          .genuine_pairs = figures.genuine_pairs,
          .impostor_pairs = figures.impostor_pairs,
          .people = figures.people};
}

void AddGroup(const GroupRates& group, OperatingPoint& point) {
  point.genuine_pairs += group.genuine_pairs;
  point.impostor_pairs += group.impostor_pairs;
  point.groups.push_back(group);
}

// The stated rate is the one that the largest group's keeps to; its interval is that of the group with the largest.
void StateInterval(OperatingPoint& point) {
  const GroupRates* worst = WorstGroup(point);
  point.fmr_low = std::min(point.fmr, worst->fmr_low);
  point.fmr_high = std::max(point.fmr, worst->fmr_high);
}

// In any pair of any group: groups may share people.
int64_t CountPeople(absl::Span<const GroupPairs> groups) {
  std::set<uint32_t> people;
  for (const GroupPairs& group : groups) {
    for (const PeoplePair& pair : group.pairs.pairs) people.insert({pair.person_a, pair.person_b});
  }
  return static_cast<int64_t>(people.size());
}

}  // namespace

absl::StatusOr<BundleMeasurements> MeasureForBundle(absl::Span<const GroupPairs> groups, const std::string& source,
                                                    uint64_t seed) {
  PairDistances all;
  std::vector<PairDistances> of_group;
  for (const GroupPairs& group : groups) {
    of_group.push_back(SortedDistances(group.pairs));
    all.genuine.insert(all.genuine.end(), of_group.back().genuine.begin(), of_group.back().genuine.end());
    all.impostor.insert(all.impostor.end(), of_group.back().impostor.begin(), of_group.back().impostor.end());
  }
  const int64_t people = CountPeople(groups);
  BundleMeasurements measurements;
  FigureOptions options{.seed = seed};
  for (const auto& [rate, distance] : DistancesForAll(of_group, SupportedRates(groups))) {
    measurements.operating_points.push_back({.fmr = rate, .distance = distance, .people = people, .source = source});
    options.thresholds.push_back(distance);
  }
  for (const GroupPairs& group : groups) {
    PeoplePairs pairs = group.pairs;
    NumberPeople(pairs);
    const absl::StatusOr<Figures> figures = MeasureFigures(pairs, options);
    if (!figures.ok()) return figures.status();
    for (size_t i = 0; i < figures->thresholds.size(); ++i) {
      AddGroup(RatesOf(group.name, figures->thresholds[i], *figures), measurements.operating_points[i]);
    }
  }
  for (OperatingPoint& point : measurements.operating_points) {
    StateInterval(point);
    if (groups.size() == 1 && groups[0].name.empty()) point.groups.clear();
  }
  if (absl::StatusOr<Calibration> calibration = FitCalibration(all); calibration.ok()) {
    calibration->people = people;
    calibration->source = source;
    measurements.calibration = *std::move(calibration);
  }
  return measurements;
}

namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const GroupRates& group) {
  return {{"name", group.name},
          {"fmr", group.fmr},
          {"fmr_low", group.fmr_low},
          {"fmr_high", group.fmr_high},
          {"fnmr", group.fnmr},
          {"genuine_pairs", group.genuine_pairs},
          {"impostor_pairs", group.impostor_pairs},
          {"people", group.people}};
}

Json ToJson(const OperatingPoint& point) {
  Json json = {{"fmr", point.fmr},
               {"distance", point.distance},
               {"fmr_low", point.fmr_low},
               {"fmr_high", point.fmr_high},
               {"genuine_pairs", point.genuine_pairs},
               {"impostor_pairs", point.impostor_pairs},
               {"people", point.people},
               {"source", point.source}};
  if (point.groups.empty()) return json;
  json["groups"] = Json::array();
  for (const GroupRates& group : point.groups) json["groups"].push_back(ToJson(group));
  return json;
}

Json ToJson(const Cohort& cohort) {
  const CohortDescription& description = cohort.description();
  std::vector<float> centroids;
  for (size_t i = 0; i < cohort.centroids(); ++i) {
    centroids.insert(centroids.end(), cohort.Centroid(i).begin(), cohort.Centroid(i).end());
  }
  Json json = {{"nearest", description.nearest},
               {"cap", description.cap},
               {"people_in_centroid", description.people_in_centroid},
               {"sources", Json::array()},
               {"centroids", EncodeDirections(centroids, cohort.size())}};
  for (const CohortSource& source : description.sources) {
    json["sources"].push_back({{"name", source.name}, {"people", source.people}, {"faces", source.faces}});
  }
  return json;
}

}  // namespace

void WriteMeasurements(const BundleMeasurements& measurements, nlohmann::ordered_json& manifest) {
  manifest["operating_points"] = Json::array();
  for (const OperatingPoint& point : measurements.operating_points) {
    manifest["operating_points"].push_back(ToJson(point));
  }
  manifest["calibration"] = nullptr;
  if (const std::optional<Calibration>& calibration = measurements.calibration; calibration.has_value()) {
    manifest["calibration"] = {{"offset", calibration->offset},
                               {"slope", calibration->slope},
                               {"genuine_pairs", calibration->genuine_pairs},
                               {"impostor_pairs", calibration->impostor_pairs},
                               {"people", calibration->people},
                               {"source", calibration->source}};
  }
  manifest["cohort"] = measurements.cohort == nullptr ? Json(nullptr) : ToJson(*measurements.cohort);
  manifest["synthetic_people"] = nullptr;
  if (measurements.synthetic_people != nullptr) {
    manifest["synthetic_people"] = Json::array();
    for (const SyntheticGroup& group : *measurements.synthetic_people) {
      manifest["synthetic_people"].push_back(
          {{"name", group.name}, {"faces_of_person", group.faces_of_person}, {"faces", EncodeSyntheticFaces(group)}});
    }
  }
}

}  // namespace likeness
