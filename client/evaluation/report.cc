#include "client/evaluation/report.h"

#include <algorithm>
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

std::string PhotosText(const Scores& scores) {
  std::string text = absl::StrFormat("photos      %d, %d failed\n", scores.photos, scores.failed_photos.size());
  for (const auto& [reason, count] : CountReasons(scores)) absl::StrAppendFormat(&text, "  %5d %s\n", count, reason);
  const size_t named = std::min(scores.failed_photos.size(), kNamedPhotos);
  for (size_t i = 0; i < named; ++i) {
    absl::StrAppendFormat(&text, "        %s: %s\n", scores.failed_photos[i].photo, scores.failed_photos[i].reason);
  }
  if (named < scores.failed_photos.size()) {
    absl::StrAppendFormat(&text, "        and %d more\n", scores.failed_photos.size() - named);
  }
  return text;
}

std::string AccuracyText(const Scores& scores) {
  std::string text;
  if (scores.cross_validated.has_value()) {
    absl::StrAppendFormat(&text, "accuracy    %s ± %s (mean ± standard error of %d folds, threshold from the others)\n",
                          Percent(scores.cross_validated->mean), Percent(scores.cross_validated->standard_error),
                          scores.cross_validated->folds.size());
  }
  absl::StrAppendFormat(&text, "%-12s%s at the best threshold for these pairs, %.4f\n", text.empty() ? "accuracy" : "",
                        Percent(scores.best.accuracy), scores.best.threshold);
  absl::StrAppendFormat(&text, "            %s at the server's threshold, %.4f\n",
                        Percent(scores.at_server_threshold.accuracy), scores.at_server_threshold.threshold);
  return text;
}

std::string RatesText(const Scores& scores) {
  const auto measured = [](const std::optional<double>& rate) { return rate ? Percent(*rate) : "not measurable"; };
  std::string text = absl::StrCat("EER         ", measured(scores.equal_error_rate), "\n");
  for (const TargetRates& tar : scores.tar) {
    absl::StrAppendFormat(&text, "TAR         %s at FAR %g",
                          measured(tar.rates ? std::optional(1 - tar.rates->false_non_match_rate) : std::nullopt),
                          tar.target);
    if (tar.rates) {
      absl::StrAppendFormat(&text, " (threshold %.4f, measured FAR %.3g)", tar.rates->distance,
                            tar.rates->false_match_rate);
    }
    text += '\n';
  }
  return text;
}

Json ToJson(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }

Json ToJson(const ThresholdAccuracy& accuracy) {
  return {{"accuracy", accuracy.accuracy}, {"threshold", accuracy.threshold}};
}

Json ToJson(const CrossValidatedAccuracy& accuracy) {
  Json folds = Json::array();
  for (const ThresholdAccuracy& fold : accuracy.folds) folds.push_back(ToJson(fold));
  return {{"mean", accuracy.mean}, {"standard_error", accuracy.standard_error}, {"folds", folds}};
}

Json ToJson(const TargetRates& tar) {
  Json json = {{"far", tar.target}, {"tar", nullptr}, {"threshold", nullptr}, {"measured_far", nullptr}};
  if (tar.rates) {
    json["tar"] = 1 - tar.rates->false_non_match_rate;
    json["threshold"] = tar.rates->distance;
    json["measured_far"] = tar.rates->false_match_rate;
  }
  return json;
}

}  // namespace

std::string ReportText(const Scores& scores) {
  return absl::StrCat(
      absl::StrFormat("model       %s %s\n", scores.model.name(), scores.model.version()),
      absl::StrFormat("pairs       %d genuine (%d with a failed photo), %d impostor (%d)\n", scores.genuine_pairs,
                      scores.failed_genuine_pairs, scores.impostor_pairs, scores.failed_impostor_pairs),
      PhotosText(scores), AccuracyText(scores), RatesText(scores));
}

std::string ReportJson(const Scores& scores) {
  Json failed = Json::array();
  for (const FailedPhoto& photo : scores.failed_photos) {
    failed.push_back({{"photo", photo.photo}, {"reason", photo.reason}});
  }
  Json tar = Json::array();
  for (const TargetRates& rates : scores.tar) tar.push_back(ToJson(rates));
  const Json report = {
      {"model",
       {{"name", scores.model.name()}, {"version", scores.model.version()}, {"digest", scores.model.digest()}}},
      {"pairs",
       {{"genuine", scores.genuine_pairs},
        {"impostor", scores.impostor_pairs},
        {"genuine_failed", scores.failed_genuine_pairs},
        {"impostor_failed", scores.failed_impostor_pairs}}},
      {"photos", {{"total", scores.photos}, {"failed", failed}, {"failed_by_reason", CountReasons(scores)}}},
      {"accuracy",
       {{"cross_validated", scores.cross_validated ? ToJson(*scores.cross_validated) : Json(nullptr)},
        {"best", ToJson(scores.best)},
        {"at_server_threshold", ToJson(scores.at_server_threshold)}}},
      {"eer", ToJson(scores.equal_error_rate)},
      {"auc", ToJson(scores.area_under_roc)},
      {"tar_at_far", tar},
  };
  return report.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace likeness
