#include "client/evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

std::string Percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

// A share with its interval, in percent: "1.30 % [0.71, 2.05]".
std::string Percent(double share, const Interval& interval) {
  return absl::StrFormat("%.2f %% [%.2f, %.2f]", 100 * share, 100 * interval.low, 100 * interval.high);
}
std::string Percent(const Figure& figure) { return Percent(figure.value, figure.interval); }

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
                          Percent(accuracy.cross_validated->mean), Percent(accuracy.cross_validated->standard_error),
                          accuracy.cross_validated->folds.size());
  }
  absl::StrAppendFormat(&text, "%-12s%s at the best threshold for these pairs, %.4f\n", text.empty() ? "accuracy" : "",
                        Percent(accuracy.best.accuracy, accuracy.best_interval), accuracy.best.threshold);
  for (const ThresholdFigures& server : scores.figures.thresholds) {
    absl::StrAppendFormat(&text, "            %s at the server's threshold, %.4f\n", Percent(server.accuracy),
                          server.distance);
  }
  return text;
}

std::string RatesText(const Figures& figures) {
  std::string text;
  for (const ThresholdFigures& server : figures.thresholds) {
    absl::StrAppendFormat(&text, "server      FMR %s, FNMR %s at its threshold, %.4f\n",
                          Percent(server.false_match_rate), Percent(server.false_non_match_rate), server.distance);
  }
  absl::StrAppend(&text, "EER         ",
                  figures.equal_error_rate ? Percent(*figures.equal_error_rate) : "not measurable", "\n");
  if (figures.area_under_roc) absl::StrAppend(&text, "AUC         ", Number(*figures.area_under_roc), "\n");
  for (const TargetFigures& target : figures.targets) {
    absl::StrAppendFormat(&text, "FNMR        %s at FMR %g (threshold %.4f, whose FMR lies in [%.2g, %.2g])\n",
                          Percent(target.rates.false_non_match_rate, target.false_non_match_rate), target.target,
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
      absl::StrAppendFormat(&text, "%s %s", shown == 0 ? ":" : ",", Percent(point.false_non_match_rate));
      if (shown > 0) absl::StrAppendFormat(&text, " without the worst %.0f %%", 100 * shown);
    }
  }
  return text + "\n";
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

Json ToJson(const ThresholdFigures& figures) {
  return {{"threshold", figures.distance},
          {"fmr", ToJson(figures.false_match_rate)},
          {"fnmr", ToJson(figures.false_non_match_rate)},
          {"accuracy", ToJson(figures.accuracy)}};
}

Json ToJson(const TargetFigures& target) {
  return {{"target_fmr", target.target},
          {"threshold", target.rates.distance},
          {"fmr", {{"value", target.rates.false_match_rate}, {"interval", ToJson(target.false_match_rate)}}},
          {"fnmr", {{"value", target.rates.false_non_match_rate}, {"interval", ToJson(target.false_non_match_rate)}}}};
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

}  // namespace

std::string ReportText(const Scores& scores) {
  return absl::StrCat(absl::StrFormat("model       %s %s\n", scores.model.name(), scores.model.version()),
                      PhotosText(scores), AccuracyText(scores), RatesText(scores.figures), RejectionText(scores),
                      "            in brackets: 95 % confidence interval, bootstrapped over people\n");
}

std::string ReportJson(const Scores& scores) {
  const Figures& figures = scores.figures;
  Json failed = Json::array();
  for (const FailedPhoto& photo : scores.failed_photos) {
    failed.push_back({{"photo", photo.photo}, {"reason", photo.reason}});
  }
  Json targets = Json::array();
  for (const TargetFigures& target : figures.targets) targets.push_back(ToJson(target));
  const Json report = {
      {"model",
       {{"name", scores.model.name()}, {"version", scores.model.version()}, {"digest", scores.model.digest()}}},
      {"people", figures.people},
      {"pairs",
       {{"genuine", figures.genuine_pairs},
        {"impostor", figures.impostor_pairs + figures.failed_impostor_pairs},
        {"genuine_failed", figures.failed_genuine_pairs},
        {"impostor_failed", figures.failed_impostor_pairs}}},
      {"photos", {{"total", scores.photos}, {"failed", failed}, {"failed_by_reason", CountReasons(scores)}}},
      {"accuracy", ToJson(scores.accuracy)},
      {"at_server_threshold", figures.thresholds.empty() ? Json(nullptr) : ToJson(figures.thresholds[0])},
      {"eer", ToJson(figures.equal_error_rate)},
      {"auc", ToJson(figures.area_under_roc)},
      {"fnmr_at_fmr", targets},
      {"cllr", ToJson(figures.cllr)},
      {"min_cllr", ToJson(figures.min_cllr)},
      {"fnmr_by_rejection", ToJson(scores.rejection)},
  };
  return report.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace likeness
