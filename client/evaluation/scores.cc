#include "client/evaluation/scores.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace likeness {
namespace {

const std::vector<double>& Targets() {
  static const auto& targets = *new std::vector<double>{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  return targets;
}

Calibration FromProto(const v1::Calibration& proto) {
  return {.offset = proto.offset(),
          .slope = proto.slope(),
          .genuine_pairs = proto.genuine_pairs(),
          .impostor_pairs = proto.impostor_pairs(),
          .people = proto.people(),
          .source = proto.source()};
}

absl::StatusOr<ListAccuracy> ScoreList(const Comparisons& comparisons, const PeoplePairs& pairs,
                                       const Figures& figures) {
  std::vector<LabelledDistance> all;
  for (const PeoplePair& pair : pairs.pairs) all.push_back({pair.distance, pair.genuine()});
  const absl::StatusOr<ThresholdAccuracy> best = BestAccuracy(all);
  if (!best.ok()) return best.status();
  ListAccuracy accuracy;
  accuracy.best = *best;
  const Interval interval = figures.best_accuracy.value_or(Interval{best->accuracy, best->accuracy});
  accuracy.best_interval = {std::min(best->accuracy, interval.low), std::max(best->accuracy, interval.high)};
  if (comparisons.folds.empty()) return accuracy;
  std::vector<std::vector<LabelledDistance>> folds;
  auto begin = all.begin();
  for (size_t size : comparisons.folds) {
    folds.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
    begin += static_cast<std::ptrdiff_t>(size);
  }
  absl::StatusOr<CrossValidatedAccuracy> cross_validated = CrossValidateAccuracy(folds);
  if (!cross_validated.ok()) return cross_validated.status();
  accuracy.cross_validated = *std::move(cross_validated);
  return accuracy;
}

// At the rates that users ask for, the lower first.
std::optional<RejectionCurve> ScoreRejection(const Comparisons& comparisons, const MeasuredPairs& measured,
                                             const Figures& figures) {
  if (measured.quality.empty()) return std::nullopt;
  for (double rate : {1e-3, 1e-2}) {
    const auto target = std::find_if(figures.targets.begin(), figures.targets.end(),
                                     [rate](const TargetFigures& candidate) { return candidate.target == rate; });
    if (target != figures.targets.end()) return MeasureRejection(comparisons, measured, *target);
  }
  return std::nullopt;
}

// Copies the pairs of one group at a time.
absl::Status ScoreGroups(const Comparisons& comparisons, const MeasuredPairs& measured, const FigureOptions& options,
                         Scores& scores) {
  std::map<std::string, std::string> reasons;
  for (const FailedPhoto& failed : measured.failed_photos) reasons.emplace(failed.photo, failed.reason);
  std::vector<GroupMatches> matches;
  auto begin = measured.pairs.pairs.begin();
  for (const PhotoRange& range : comparisons.groups) {
    const std::ptrdiff_t photos = range.end - range.begin;
    const auto end = begin + photos * (photos - 1) / 2;
    PeoplePairs pairs{.pairs = {begin, end}, .people = measured.pairs.people};
    begin = end;
    for (double threshold : options.thresholds) {
      matches.push_back(CountFalseMatches(pairs, threshold, options.seed));
    }
    NumberPeople(pairs);
    absl::StatusOr<Figures> figures = MeasureFigures(pairs, options);
    if (!figures.ok()) return figures.status();
    GroupScores& group = scores.groups.emplace_back(
        GroupScores{.name = range.name, .photos = photos, .failed_photos = {}, .figures = *std::move(figures)});
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const auto failed = reasons.find(comparisons.photos[i].path);
      if (failed != reasons.end()) ++group.failed_photos[failed->second];
    }
  }
  if (!matches.empty()) scores.differential = MeasureDifferentialFigures(matches);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Scores> ScorePairs(const Comparisons& comparisons, const MeasuredPairs& measured) {
  FigureOptions options{.targets = Targets()};
  if (const std::optional<double> threshold = BaseDistance(measured.threshold); threshold.has_value()) {
    options.thresholds.push_back(*threshold);
  }
  if (measured.calibration.has_value()) options.calibration = FromProto(*measured.calibration);
  absl::StatusOr<Figures> figures = MeasureFigures(measured.pairs, options);
  if (!figures.ok()) return figures.status();
  Scores scores;
  scores.model = measured.model;
  scores.threshold = measured.threshold;
  scores.photos = static_cast<int64_t>(comparisons.photos.size());
  scores.failed_photos = measured.failed_photos;
  scores.figures = *std::move(figures);
  if (!comparisons.every_pair) {
    const absl::StatusOr<ListAccuracy> accuracy = ScoreList(comparisons, measured.pairs, scores.figures);
    if (!accuracy.ok()) return accuracy.status();
    scores.accuracy = *accuracy;
  }
  scores.has_cohort = !measured.crowding.empty();
  if (absl::Status status = ScoreGroups(comparisons, measured, options, scores); !status.ok()) return status;
  scores.rejection = ScoreRejection(comparisons, measured, scores.figures);
  return scores;
}

}  // namespace likeness
