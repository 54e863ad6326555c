#include "client/evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/evaluation/rate_text.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kNamedPhotos = 20;

std::map<std::string, int> CountReasons(const Scores& scores) {
  std::map<std::string, int> counts;
  for (const FailedPhoto& failed : scores.failed_photos) ++counts[failed.reason];
  return counts;
}

std::string Number(const Figure& figure) {
  return absl::StrFormat("%.4f [%.4f, %.4f]", figure.value, figure.interval.low, figure.interval.high);
}

std::string PhotosText(const Scores& scores) {
  std::string text = absl::StrFormat("data        %d people, %d photos, %d failed\n", scores.figures.people,
                                     scores.photos, scores.failed_photos.size());
  for (const auto& [reason, count] : CountReasons(scores)) absl::StrAppendFormat(&text, "  %5d %s\n", count, reason);
  const size_t named = std::min(scores.failed_photos.size(), kNamedPhotos);
  for (size_t i = 0; i < named; ++i) {
    absl::StrAppendFormat(&text, "        %s: %s\n", scores.failed_photos[i].photo, scores.failed_photos[i].reason);
  }
  if (named < scores.failed_photos.size()) {
    absl::StrAppendFormat(&text, "        and %d more\n", scores.failed_photos.size() - named);
  }
  const Figures& figures = scores.figures;
  absl::StrAppendFormat(&text, "pairs       %d genuine (%d with a failed photo), %d impostor (%d)\n",
                        figures.genuine_pairs, figures.failed_genuine_pairs,
                        figures.impostor_pairs + figures.failed_impostor_pairs, figures.failed_impostor_pairs);
  return text;
}

std::string AccuracyText(const Scores& scores) {
  if (!scores.accuracy.has_value()) return "";
  const ListAccuracy& accuracy = *scores.accuracy;
  std::string text;
  if (accuracy.cross_validated.has_value()) {
    absl::StrAppendFormat(&text, "accuracy    %s ± %s (mean ± standard error of %d folds, threshold from the others)\n",
                          RateText(accuracy.cross_validated->mean), RateText(accuracy.cross_validated->standard_error),
                          accuracy.cross_validated->folds.size());
  }
  absl::StrAppendFormat(&text, "%-12s%s at the best threshold for these pairs, %.4f\n", text.empty() ? "accuracy" : "",
                        RateText(accuracy.best.accuracy, accuracy.best_interval), accuracy.best.threshold);
  for (const ThresholdFigures& server : scores.figures.thresholds) {
    absl::StrAppendFormat(&text, "            %s at the server's threshold, %.4f\n", RateText(server.accuracy),
                          server.distance);
  }
  return text;
}

bool HasThreshold(const Scores& scores) { return BaseDistance(scores.threshold).has_value(); }

std::string RatesText(const Scores& scores) {
  const Figures& figures = scores.figures;
  std::string text;
  if (!HasThreshold(scores)) text = "server      no threshold: the model was not measured at its --target-fmr\n";
  for (const ThresholdFigures& server : figures.thresholds) {
    absl::StrAppendFormat(&text, "server      FMR %s, FNMR %s at its threshold, %.4f\n",
                          FalseMatchRateText(server.false_match_rate, figures.impostor_pairs),
                          RateText(server.false_non_match_rate), server.distance);
    if (server.false_non_match_rate_of_verdicts && figures.failed_genuine_pairs > 0) {
      absl::StrAppendFormat(&text, "            FNMR %s of pairs that got a verdict\n",
                            RateText(*server.false_non_match_rate_of_verdicts));
    }
  }
  absl::StrAppend(&text, "EER         ",
                  figures.equal_error_rate ? RateText(*figures.equal_error_rate) : "not measurable", "\n");
  if (figures.area_under_roc) absl::StrAppend(&text, "AUC         ", Number(*figures.area_under_roc), "\n");
  for (const TargetFigures& target : figures.targets) {
    absl::StrAppendFormat(&text, "FNMR        %s at FMR %g (threshold %.4f, whose FMR lies in [%.2g, %.2g])\n",
                          RateText(target.rates.false_non_match_rate, target.false_non_match_rate), target.target,
                          target.rates.distance, target.false_match_rate.low, target.false_match_rate.high);
  }
  if (figures.cllr) absl::StrAppend(&text, "Cllr        ", Number(*figures.cllr), " bits\n");
  if (figures.min_cllr) absl::StrAppend(&text, "min Cllr    ", Number(*figures.min_cllr), " bits\n");
  return text;
}

std::string RejectionText(const Scores& scores) {
  if (!scores.rejection.has_value()) return "";
  const RejectionCurve& curve = *scores.rejection;
  std::string text = absl::StrFormat("quality     FNMR at FMR %g", curve.target);
  for (const RejectionStep& point : curve.steps) {
    for (double shown : {0.0, 0.1, 0.2}) {
      if (std::abs(point.rejected - shown) > 0.005) continue;
      absl::StrAppendFormat(&text, "%s %s", shown == 0 ? ":" : ",", RateText(point.false_non_match_rate));
      if (shown > 0) absl::StrAppendFormat(&text, " without the worst %.0f %%", 100 * shown);
    }
  }
  return text + "\n";
}

std::string CohortText(const Scores& scores) {
  return absl::StrCat("distances   ",
                      scores.has_cohort ? "normalized by how crowded the places of both faces are"
                                        : "plain: the model has no cohort: one threshold for every pair",
                      "\n");
}

std::string GroupAtServerText(const Figures& figures) {
  const ThresholdFigures& server = figures.thresholds.front();
  const auto& of_verdicts = server.false_non_match_rate_of_verdicts;
  return absl::StrFormat("            FMR %s, FNMR %s of pairs that got a verdict, %s of all\n",
                         FalseMatchRateText(server.false_match_rate, figures.impostor_pairs),
                         of_verdicts ? RateText(*of_verdicts) : "not measurable",
                         RateText(server.false_non_match_rate));
}

std::string GroupText(const GroupScores& group) {
  const Figures& figures = group.figures;
  std::string text = absl::StrFormat("%-12s%d people, %d photos, failed: %s; %d genuine pairs, %d impostor\n",
                                     group.name + " ", figures.people, group.photos, FailedPhotosText(group),
                                     figures.genuine_pairs, figures.impostor_pairs);
  if (figures.genuine_pairs == 0 || figures.impostor_pairs == 0) {
    return text + "            not measurable without pairs of both kinds\n";
  }
  if (!figures.thresholds.empty()) text += GroupAtServerText(figures);
  std::vector<std::string> own;
  for (const TargetFigures& target : figures.targets) {
    if (target.target != 1e-3 && target.target != 1e-2) continue;
    own.push_back(absl::StrFormat(
        "FNMR %s at FMR %g", RateText(target.rates.false_non_match_rate, target.false_non_match_rate), target.target));
  }
  if (own.empty()) return text;
  return absl::StrCat(text, "            at thresholds of its own: ", absl::StrJoin(own, ", "), "\n");
}

std::string GroupsText(const Scores& scores) {
  if (scores.groups.empty()) return "";
  std::string text = absl::StrCat("groups      each ", HasThreshold(scores) ? "at the server's threshold, " : "",
                                  "by pairs of its own; above, the pairs of all together\n");
  for (const GroupScores& group : scores.groups) absl::StrAppend(&text, GroupText(group));
  return absl::StrCat(text, "worst       ", WorstGroupText(scores), "\n");
}

Json ToJson(const Interval& interval) { return Json::array({interval.low, interval.high}); }

Json ToJson(const Figure& figure) { return {{"value", figure.value}, {"interval", ToJson(figure.interval)}}; }

Json ToJson(const ThresholdAccuracy& accuracy) {
  return {{"accuracy", accuracy.accuracy}, {"threshold", accuracy.threshold}};
}

Json ToJson(const CrossValidatedAccuracy& accuracy) {
  Json folds = Json::array();
  for (const ThresholdAccuracy& fold : accuracy.folds) folds.push_back(ToJson(fold));
  return {{"mean", accuracy.mean}, {"standard_error", accuracy.standard_error}, {"folds", folds}};
}

Json ToJson(const ListAccuracy& accuracy) {
  Json best = ToJson(accuracy.best);
  best["interval"] = ToJson(accuracy.best_interval);
  const auto& folds = accuracy.cross_validated;
  return {{"cross_validated", folds ? ToJson(*folds) : Json(nullptr)}, {"best", best}};
}

Json ToJson(const RejectionCurve& curve) {
  Json points = Json::array();
  for (const RejectionStep& point : curve.steps) {
    points.push_back({{"rejected", point.rejected}, {"fnmr", point.false_non_match_rate}});
  }
  return {{"target_fmr", curve.target}, {"threshold", curve.threshold}, {"points", points}};
}

template <typename T>
Json ToJson(const std::optional<T>& value) {
  return value.has_value() ? ToJson(*value) : Json(nullptr);
}

Json ToJson(const ThresholdFigures& figures) {
  return {{"threshold", figures.distance},
          {"fmr", ToJson(figures.false_match_rate)},
          {"fnmr", ToJson(figures.false_non_match_rate)},
          {"fnmr_of_verdicts", ToJson(figures.false_non_match_rate_of_verdicts)},
          {"accuracy", ToJson(figures.accuracy)}};
}

Json ToJson(const TargetFigures& target) {
  return {{"target_fmr", target.target},
          {"threshold", target.rates.distance},
          {"fmr", {{"value", target.rates.false_match_rate}, {"interval", ToJson(target.false_match_rate)}}},
          {"fnmr", {{"value", target.rates.false_non_match_rate}, {"interval", ToJson(target.false_non_match_rate)}}}};
}

Json TargetsToJson(const Figures& figures) {
  Json targets = Json::array();
  for (const TargetFigures& target : figures.targets) targets.push_back(ToJson(target));
  return targets;
}

Json PairsToJson(const Figures& figures) {
  return {{"genuine", figures.genuine_pairs},
          {"impostor", figures.impostor_pairs + figures.failed_impostor_pairs},
          {"genuine_failed", figures.failed_genuine_pairs},
          {"impostor_failed", figures.failed_impostor_pairs}};
}

Json AtServerThreshold(const Figures& figures) {
  return figures.thresholds.empty() ? Json(nullptr) : ToJson(figures.thresholds[0]);
}

Json ToJson(const GroupScores& group) {
  return {{"name", group.name},
          {"people", group.figures.people},
          {"pairs", PairsToJson(group.figures)},
          {"photos", {{"total", group.photos}, {"failed_by_reason", group.failed_photos}}},
          {"at_server_threshold", AtServerThreshold(group.figures)},
          {"eer", ToJson(group.figures.equal_error_rate)},
          {"fnmr_at_fmr", TargetsToJson(group.figures)}};
}

// Null where people are not told apart, or where it cannot be measured.
Json DifferentialToJson(const Scores& scores) {
  if (!scores.differential.has_value()) return nullptr;
  const Differential& measured = scores.differential->measured;
  Json left_out = Json::array();
  for (size_t group : measured.left_out) left_out.push_back(scores.groups[group].name);
  return {{"worst_group", scores.groups[measured.worst].name},
          {"best_group", scores.groups[measured.best].name},
          {"fmr_to_geometric_mean", ToJson(Figure{measured.to_geometric_mean, scores.differential->to_geometric_mean})},
          {"fmr_to_smallest", ToJson(Figure{measured.to_smallest, scores.differential->to_smallest})},
          {"at_least", measured.at_least},
          {"left_out", left_out}};
}

}  // namespace

std::string ReportText(const Scores& scores) {
  return absl::StrCat(absl::StrFormat("model       %s %s\n", scores.model.name(), scores.model.version()),
                      CohortText(scores), PhotosText(scores), AccuracyText(scores), RatesText(scores),
                      RejectionText(scores), GroupsText(scores),
                      "            in brackets: 95 % confidence interval, bootstrapped over people\n");
}

std::string FailedPhotosText(const GroupScores& group) {
  if (group.failed_photos.empty()) return "none";
  return absl::StrJoin(group.failed_photos, ", ", [](std::string* out, const auto& reason) {
    absl::StrAppend(out, reason.second, " ", reason.first);
  });
}

std::string WorstGroupText(const Scores& scores) {
  if (!HasThreshold(scores)) return "not told: the server has no threshold to hold them against";
  if (!scores.differential.has_value()) return "not told: no two groups have rates that can be held against each other";
  const Differential& measured = scores.differential->measured;
  const auto ratio = [](double value, const Interval& interval) {
    return absl::StrFormat("%.1f [%.1f, %.1f]", value, interval.low, interval.high);
  };
  std::string text =
      absl::StrFormat("%s: its FMR is %s%s times the geometric mean of the groups, %s times the smallest (%s)",
                      scores.groups[measured.worst].name, measured.at_least ? "at least " : "",
                      ratio(measured.to_geometric_mean, scores.differential->to_geometric_mean),
                      ratio(measured.to_smallest, scores.differential->to_smallest), scores.groups[measured.best].name);
  if (measured.at_least) absl::StrAppend(&text, "; where no pair matched, by the upper bound of the rate");
  if (!measured.left_out.empty()) {
    absl::StrAppend(&text, "; left out, with too few impostor pairs: ",
                    absl::StrJoin(measured.left_out, ", ",
                                  [&](std::string* out, size_t group) { *out += scores.groups[group].name; }));
  }
  return text;
}

std::string ReportJson(const Scores& scores) {
  const Figures& figures = scores.figures;
  Json failed = Json::array();
  for (const FailedPhoto& photo : scores.failed_photos) {
    failed.push_back({{"photo", photo.photo}, {"reason", photo.reason}});
  }
  Json groups = Json::array();
  for (const GroupScores& group : scores.groups) groups.push_back(ToJson(group));
  const Json report = {
      {"model",
       {{"name", scores.model.name()}, {"version", scores.model.version()}, {"digest", scores.model.digest()}}},
      {"people", figures.people},
      {"normalized", scores.has_cohort},
      {"pairs", PairsToJson(figures)},
      {"photos", {{"total", scores.photos}, {"failed", failed}, {"failed_by_reason", CountReasons(scores)}}},
      {"accuracy", ToJson(scores.accuracy)},
      {"at_server_threshold", AtServerThreshold(figures)},
      {"eer", ToJson(figures.equal_error_rate)},
      {"auc", ToJson(figures.area_under_roc)},
      {"fnmr_at_fmr", TargetsToJson(figures)},
      {"cllr", ToJson(figures.cllr)},
      {"min_cllr", ToJson(figures.min_cllr)},
      {"fnmr_by_rejection", ToJson(scores.rejection)},
      {"groups", groups},
      {"differential", DifferentialToJson(scores)},
  };
  return report.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace likeness
