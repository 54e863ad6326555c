#include "client/cli/evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/photo_file.h"
#include "client/cli/threshold_text.h"
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

std::vector<PagePair> PagePairs(const Comparisons& comparisons, const std::vector<RankedPair>& pairs, bool genuine) {
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
                     .genuine = genuine});
  }
  return shown;
}

std::string Text(const Figure& figure, double scale, const char* unit) {
  return absl::StrFormat("%.4g%s (95 %%: %.4g to %.4g)", scale * figure.value, unit, scale * figure.interval.low,
                         scale * figure.interval.high);
}

std::vector<std::pair<std::string, std::string>> Facts(const Scores& scores) {
  const Figures& figures = scores.figures;
  std::vector<std::pair<std::string, std::string>> facts = {
      {"Model", absl::StrCat(scores.model.name(), " ", scores.model.version(), ", ", scores.model.digest())},
      {"People, photos",
       absl::StrCat(figures.people, ", ", scores.photos, " (", scores.failed_photos.size(), " failed)")},
      {"Pairs", absl::StrCat(figures.genuine_pairs, " genuine, ", figures.impostor_pairs, " impostor")},
      {"The server's", ThresholdText(scores.threshold)}};
  if (figures.equal_error_rate) facts.emplace_back("Equal error rate", Text(*figures.equal_error_rate, 100, " %"));
  if (figures.area_under_roc) facts.emplace_back("Area under the ROC curve", Text(*figures.area_under_roc, 1, ""));
  for (const TargetFigures& target : figures.targets) {
    facts.emplace_back(absl::StrFormat("FNMR at FMR %g", target.target),
                       Text({target.rates.false_non_match_rate, target.false_non_match_rate}, 100, " %"));
  }
  if (figures.cllr) facts.emplace_back("Cllr", Text(*figures.cllr, 1, " bits"));
  if (figures.min_cllr) facts.emplace_back("Minimum Cllr", Text(*figures.min_cllr, 1, " bits"));
  return facts;
}

}  // namespace

std::string EvaluationReport(const std::string& data, const Comparisons& comparisons, const MeasuredPairs& measured,
                             const Scores& scores) {
  PairDistances distances = SortedDistances(measured.pairs);
  EvaluationPage page{.title = absl::StrCat(scores.model.name(), " ", scores.model.version(), " on ", data),
                      .facts = Facts(scores),
                      .genuine = std::move(distances.genuine),
                      .impostor = std::move(distances.impostor),
                      .threshold = scores.threshold.distance(),
                      .worst_genuine = PagePairs(comparisons, WorstPairs(comparisons, measured, true), true),
                      .worst_impostor = PagePairs(comparisons, WorstPairs(comparisons, measured, false), false)};
  if (scores.rejection.has_value()) {
    for (const RejectionStep& step : scores.rejection->steps) {
      page.rejection.push_back({step.rejected, step.false_non_match_rate});
    }
  }
  return EvaluationPageHtml(std::move(page));
}

}  // namespace likeness
