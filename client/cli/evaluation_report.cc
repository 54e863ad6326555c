#include "client/cli/evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/photo_file.h"
#include "client/cli/threshold_text.h"
#include "client/evaluation/rate_text.h"
#include "client/evaluation/report.h"
#include "client/evaluation_page/evaluation_page.h"

namespace likeness {
namespace {

constexpr size_t kWorstPairs = 10;

struct RankedPair {
  double distance = 0;
  uint32_t a = 0;
  uint32_t b = 0;
};

// The farthest genuine pairs, failed ones first, or the nearest impostor pairs, failed ones left out.
std::vector<RankedPair> WorstPairs(const Comparisons& comparisons, const MeasuredPairs& measured, bool genuine) {
  std::vector<RankedPair> worst;
  const auto worse = [genuine](const RankedPair& x, const RankedPair& y) {
    return genuine ? x.distance > y.distance : x.distance < y.distance;
  };
  auto pair = measured.pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    const PeoplePair& of = *pair++;
    if (of.genuine() != genuine || (!genuine && std::isinf(of.distance))) return;
    const RankedPair candidate{of.distance, a, b};
    if (worst.size() == kWorstPairs && !worse(candidate, worst.back())) return;
    worst.insert(std::upper_bound(worst.begin(), worst.end(), candidate, worse), candidate);
    if (worst.size() > kWorstPairs) worst.pop_back();
  });
  return worst;
}

std::vector<PagePair> PagePairs(const Comparisons& comparisons, const std::vector<RankedPair>& pairs, bool genuine,
                                const std::optional<double>& threshold) {
  const auto read = [](const KnownPhoto& photo) {
    return ReadPhotoFile(photo.file).value_or("");  // one that is gone is named, not shown
  };
  std::vector<PagePair> shown;
  for (const RankedPair& pair : pairs) {
    const KnownPhoto& a = comparisons.photos[pair.a];
    const KnownPhoto& b = comparisons.photos[pair.b];
    shown.push_back({.photo_a = a.path,
                     .photo_b = b.path,
                     .bytes_a = read(a),
                     .bytes_b = read(b),
                     .distance = pair.distance,
                     .genuine = genuine,
                     .wrong = threshold.has_value() && genuine != (pair.distance <= *threshold)});
  }
  return shown;
}

std::string NumberText(const Figure& figure, const char* unit) {
  return absl::StrFormat("%.4f%s [%.4f, %.4f]", figure.value, unit, figure.interval.low, figure.interval.high);
}

std::vector<std::pair<std::string, std::string>> Facts(const Scores& scores) {
  const Figures& figures = scores.figures;
  std::vector<std::pair<std::string, std::string>> facts = {
      {"Model", absl::StrCat(scores.model.name(), " ", scores.model.version(), ", ", scores.model.digest())},
      {"People, photos",
       absl::StrCat(figures.people, ", ", scores.photos, " (", scores.failed_photos.size(), " failed)")},
      {"Pairs", absl::StrCat(figures.genuine_pairs, " genuine, ", figures.impostor_pairs, " impostor")},
      {"Distances", scores.has_cohort ? "normalized by how crowded the places of both faces are"
                                      : "plain: the model has no cohort: one threshold for every pair"},
      {"The server's", ThresholdText(scores.threshold)}};
  for (const ThresholdFigures& server : figures.thresholds) {
    facts.emplace_back("FMR at the server's threshold",
                       FalseMatchRateText(server.false_match_rate, figures.impostor_pairs));
    facts.emplace_back("FNMR at the server's threshold", RateText(server.false_non_match_rate));
    if (server.false_non_match_rate_of_verdicts) {
      facts.emplace_back("FNMR there, of pairs with a verdict", RateText(*server.false_non_match_rate_of_verdicts));
    }
  }
  if (figures.equal_error_rate) facts.emplace_back("Equal error rate", RateText(*figures.equal_error_rate));
  if (figures.area_under_roc) facts.emplace_back("Area under the ROC curve", NumberText(*figures.area_under_roc, ""));
  for (const TargetFigures& target : figures.targets) {
    facts.emplace_back(absl::StrFormat("FNMR at FMR %g", target.target),
                       RateText(target.rates.false_non_match_rate, target.false_non_match_rate));
  }
  if (figures.cllr) facts.emplace_back("Cllr", NumberText(*figures.cllr, " bits"));
  if (figures.min_cllr) facts.emplace_back("Minimum Cllr", NumberText(*figures.min_cllr, " bits"));
  facts.emplace_back("In brackets", "95 % confidence interval, bootstrapped over people");
  return facts;
}

std::string OwnRateText(const Figures& figures, double rate) {
  for (const TargetFigures& target : figures.targets) {
    if (target.target == rate) return RateText(target.rates.false_non_match_rate, target.false_non_match_rate);
  }
  return "too few pairs";
}

PageGroup GroupRow(const GroupScores& group) {
  const Figures& figures = group.figures;
  PageGroup row{.name = group.name,
                .cells = {absl::StrCat(figures.people), absl::StrCat(group.photos), FailedPhotosText(group),
                          absl::StrCat(figures.genuine_pairs), absl::StrCat(figures.impostor_pairs)}};
  if (figures.thresholds.empty()) {
    row.cells.insert(row.cells.end(), 3, "not measurable");
    row.cells.insert(row.cells.end(), {OwnRateText(figures, 1e-3), OwnRateText(figures, 1e-2)});
    return row;
  }
  const ThresholdFigures& server = figures.thresholds.front();
  const auto& of_verdicts = server.false_non_match_rate_of_verdicts;
  row.cells.insert(row.cells.end(),
                   {FalseMatchRateText(server.false_match_rate, figures.impostor_pairs),
                    of_verdicts ? RateText(*of_verdicts) : "not measurable", RateText(server.false_non_match_rate),
                    OwnRateText(figures, 1e-3), OwnRateText(figures, 1e-2)});
  const Interval interval = FalseMatchRateInterval(server.false_match_rate, figures.impostor_pairs);
  row.false_match_rate = PageRate{server.false_match_rate.value, interval.low, interval.high};
  return row;
}

PageGroups Groups(const Scores& scores) {
  PageGroups groups;
  if (scores.groups.empty()) return groups;
  groups.columns = {"people",
                    "photos",
                    "failed",
                    "genuine pairs",
                    "impostor pairs",
                    "FMR",
                    "FNMR of pairs with a verdict",
                    "FNMR of all pairs",
                    "FNMR at its own FMR 0.001",
                    "FNMR at its own FMR 0.01"};
  for (const GroupScores& group : scores.groups) groups.rows.push_back(GroupRow(group));
  groups.summary = WorstGroupText(scores);
  if (scores.threshold.has_false_match_rate()) groups.stated_false_match_rate = scores.threshold.false_match_rate();
  return groups;
}

}  // namespace

std::string EvaluationReport(const std::string& data, const Comparisons& comparisons, const MeasuredPairs& measured,
                             const Scores& scores) {
  PairDistances distances = SortedDistances(measured.pairs);
  const std::optional<double> threshold = BaseDistance(scores.threshold);
  EvaluationPage page{
      .title = absl::StrCat(scores.model.name(), " ", scores.model.version(), " on ", data),
      .facts = Facts(scores),
      .genuine = std::move(distances.genuine),
      .impostor = std::move(distances.impostor),
      .threshold = threshold.value_or(std::numeric_limits<double>::quiet_NaN()),
      .groups = Groups(scores),
      .worst_genuine = PagePairs(comparisons, WorstPairs(comparisons, measured, true), true, threshold),
      .worst_impostor = PagePairs(comparisons, WorstPairs(comparisons, measured, false), false, threshold)};
  if (scores.rejection.has_value()) {
    for (const RejectionStep& step : scores.rejection->steps) {
      page.rejection.push_back({step.rejected, step.false_non_match_rate});
    }
  }
  return EvaluationPageHtml(std::move(page));
}

}  // namespace likeness
