#include "client/evaluation_page/plots.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "client/evaluation_page/error_curve.h"
#include "client/evaluation_page/histogram.h"
#include "client/evaluation_page/probit.h"
#include "client/evaluation_page/rate_axes.h"

namespace likeness {
namespace {

constexpr char kFmr[] = "false match rate (FMR)";
constexpr char kFnmr[] = "false non-match rate (FNMR)";
constexpr char kTwoKinds[] = "There is nothing to draw: both genuine and impostor pairs with a distance are needed.";

// What the plots of errors share.
struct Errors {
  // In ascending order of the threshold.
  std::vector<ErrorPoint> curve;
  // At the server's threshold.
  std::optional<ErrorPoint> server;
  // One pair of the kind.
  double smallest_false_match_rate = 0;
  double smallest_false_non_match_rate = 0;
};

Errors ErrorsOf(const EvaluationPage& page) {
  Errors errors{.curve = ErrorCurve(page.genuine, page.impostor),
                .server = {},
                .smallest_false_match_rate = 1 / static_cast<double>(page.impostor.size()),
                .smallest_false_non_match_rate = 1 / static_cast<double>(page.genuine.size())};
  if (!errors.curve.empty() && std::isfinite(page.threshold)) {
    errors.server = ErrorsAt(page.genuine, page.impostor, page.threshold);
  }
  return errors;
}

std::string TipOf(const ErrorPoint& point) {
  return absl::StrFormat("FMR %s, FNMR %s at distance %.4f", PercentText(point.false_match_rate),
                         PercentText(point.false_non_match_rate), point.threshold);
}

// The part of the curve where one error is traded for the other: without the thresholds that are worse than another in
// one error and no better in the other one, which is 0.
std::vector<ErrorPoint> TradeOff(const std::vector<ErrorPoint>& curve) {
  const auto first_match =
      std::find_if(curve.begin(), curve.end(), [](const ErrorPoint& point) { return point.false_match_rate > 0; });
  const auto begin = first_match == curve.begin() ? first_match : first_match - 1;
  const auto all_match =
      std::find_if(begin, curve.end(), [](const ErrorPoint& point) { return point.false_non_match_rate <= 0; });
  return {begin, all_match == curve.end() ? all_match : all_match + 1};
}

template <typename PointOf>
PageSeries CurveSeries(const std::string& name, const std::vector<ErrorPoint>& curve, PointOf point_of) {
  PageSeries series{.name = name};
  series.points.reserve(curve.size());
  for (const ErrorPoint& point : curve) series.points.push_back(point_of(point));
  return series;
}

template <typename PointOf>
void AddServer(const Errors& errors, PointOf point_of, std::vector<PageSeries>& series) {
  if (!errors.server.has_value()) return;
  series.push_back(
      {.name = "the server's threshold", .ink = PageInk::kGreen, .points = {point_of(*errors.server)}, .dots = true});
}

std::optional<PageRule> ThresholdRule(const EvaluationPage& page) {
  if (!std::isfinite(page.threshold)) return std::nullopt;
  return PageRule{page.threshold, absl::StrFormat("threshold %.4f", page.threshold)};
}

PagePlot RocPlot(const Errors& errors) {
  PagePlot plot{.id = "roc", .title = "Receiver operating characteristic (ROC)", .caption = kTwoKinds};
  if (errors.curve.empty()) return plot;
  plot.caption =
      "How many genuine pairs are verified at each rate of false matches. An FMR of 0 is drawn at the left "
      "edge.";
  plot.x = LogarithmicRates(kFmr, errors.smallest_false_match_rate);
  plot.y = {.label = "genuine pairs verified, 1 − FNMR (%)", .to = 100};
  const auto point_of = [&plot](const ErrorPoint& point) {
    return PagePoint{std::max(point.false_match_rate, *plot.x.from), 100 * (1 - point.false_non_match_rate),
                     TipOf(point)};
  };
  std::vector<ErrorPoint> curve = TradeOff(errors.curve);
  // From where all genuine pairs are verified on.
  if (curve.back().false_match_rate < 1) curve.push_back(errors.curve.back());
  plot.series = {CurveSeries("ROC", curve, point_of)};
  AddServer(errors, point_of, plot.series);
  return plot;
}

PagePlot DetPlot(const Errors& errors) {
  PagePlot plot{.id = "det", .title = "Detection error tradeoff (DET)", .caption = kTwoKinds};
  if (errors.curve.empty()) return plot;
  plot.caption =
      "Both errors on normal deviates, where distances that are normally distributed give a straight line. "
      "A rate of 0 is drawn at the edge.";
  const std::vector<ErrorPoint> curve = TradeOff(errors.curve);
  const ErrorPoint server = errors.server.value_or(curve.front());
  plot.x = NormalDeviateRates(kFmr, errors.smallest_false_match_rate,
                              std::max(curve.back().false_match_rate, server.false_match_rate));
  plot.y = NormalDeviateRates(kFnmr, errors.smallest_false_non_match_rate,
                              std::max(curve.front().false_non_match_rate, server.false_non_match_rate));
  const auto point_of = [&plot](const ErrorPoint& point) {
    return PagePoint{std::clamp(Probit(point.false_match_rate), *plot.x.from, *plot.x.to),
                     std::clamp(Probit(point.false_non_match_rate), *plot.y.from, *plot.y.to), TipOf(point)};
  };
  plot.series = {CurveSeries("DET", curve, point_of)};
  plot.series.front().dots = curve.size() == 1;  // no error at all
  AddServer(errors, point_of, plot.series);
  const double low = std::max(*plot.x.from, *plot.y.from);
  const double high = std::min(*plot.x.to, *plot.y.to);
  if (low < high) {
    plot.series.push_back(
        {.name = "equal errors", .ink = PageInk::kGrey, .points = {{low, low}, {high, high}}, .dashed = true});
  }
  return plot;
}

PageSeries HistogramSeries(const std::string& kind, PageInk ink, double bin_width, const std::vector<double>& shares) {
  PageSeries series{.name = kind + " pairs", .ink = ink, .stepped = true, .filled = true};
  for (size_t i = 0; i < shares.size(); ++i) {
    const double from = static_cast<double>(i) * bin_width;
    series.points.push_back(
        {from, 100 * shares[i],
         absl::StrFormat("%s of the %s pairs at %.3f to %.3f", PercentText(shares[i]), kind, from, from + bin_width)});
  }
  series.points.push_back({static_cast<double>(shares.size()) * bin_width, 0});
  return series;
}

PagePlot HistogramPlot(const EvaluationPage& page) {
  PagePlot plot{.id = "distances", .title = "Distances", .caption = "There is nothing to draw: there are no pairs."};
  if (page.genuine.empty() && page.impostor.empty()) return plot;
  plot.caption =
      "Pairs up to the threshold are verified. Pairs of a photo that failed have no distance and are in no "
      "bin.";
  plot.x = {.label = "distance", .from = 0};
  plot.y = {.label = "share of the kind's pairs (%)", .from = 0};
  plot.rule = ThresholdRule(page);
  const Histogram histogram = HistogramOf(page.genuine, page.impostor);
  if (!page.genuine.empty()) {
    plot.series.push_back(HistogramSeries("genuine", PageInk::kBlue, histogram.bin_width, histogram.genuine));
  }
  if (!page.impostor.empty()) {
    plot.series.push_back(HistogramSeries("impostor", PageInk::kOrange, histogram.bin_width, histogram.impostor));
  }
  return plot;
}

PagePlot ThresholdPlot(const EvaluationPage& page, const Errors& errors) {
  PagePlot plot{.id = "threshold", .title = "Errors against the threshold", .caption = kTwoKinds};
  if (errors.curve.empty()) return plot;
  plot.caption = "What another threshold would do. A rate of 0 is drawn at the lower edge.";
  plot.x = {.label = "threshold (distance)", .from = 0};
  plot.y =
      LogarithmicRates("error rate", std::min(errors.smallest_false_match_rate, errors.smallest_false_non_match_rate));
  plot.rule = ThresholdRule(page);
  const double edge = *plot.y.from;
  std::vector<ErrorPoint> curve = errors.curve;
  if (curve.front().threshold > 0) curve.insert(curve.begin(), ErrorsAt(page.genuine, page.impostor, 0));
  plot.series = {
      CurveSeries("FNMR", curve,
                  [edge](const ErrorPoint& point) {
                    return PagePoint{point.threshold, std::max(point.false_non_match_rate, edge), TipOf(point)};
                  }),
      CurveSeries("FMR", curve, [edge](const ErrorPoint& point) {
        return PagePoint{point.threshold, std::max(point.false_match_rate, edge), TipOf(point)};
      })};
  plot.series[1].ink = PageInk::kOrange;
  for (PageSeries& series : plot.series) series.stepped = true;
  return plot;
}

PagePlot RejectionPlot(const EvaluationPage& page) {
  PagePlot plot{.id = "rejection",
                .title = "Errors against rejection by quality",
                .caption = "Not measured: the quality of the photos is not known, or there are too few pairs."};
  if (page.rejection.empty()) return plot;
  plot.caption =
      "What is left of the FNMR, at a fixed threshold, when the pairs with the worst photos are refused. "
      "Refusing pairs at random would leave it where it is.";
  plot.x = {.label = "share of pairs refused (%)", .from = 0};
  plot.y = {.label = "FNMR of the others (%)", .from = 0};
  PageSeries series{.name = "FNMR", .dots = true};
  for (const RejectionPoint& point : page.rejection) {
    series.points.push_back({100 * point.rejected, 100 * point.false_non_match_rate,
                             absl::StrFormat("FNMR %s with %s refused", PercentText(point.false_non_match_rate),
                                             PercentText(point.rejected))});
  }
  plot.series = {std::move(series)};
  return plot;
}

// The smallest rate that the axis needs a place for.
double SmallestRate(const PageGroups& groups) {
  double smallest = groups.stated_false_match_rate.value_or(1);
  for (const PageGroup& group : groups.rows) {
    if (!group.false_match_rate.has_value()) continue;
    for (double rate : {group.false_match_rate->low, group.false_match_rate->value, group.false_match_rate->high}) {
      if (rate > 0) smallest = std::min(smallest, rate);
    }
  }
  return smallest;
}

// Groups from top to bottom, where their names have room.
PagePlot GroupsPlot(const PageGroups& groups) {
  PagePlot plot{.id = "groups",
                .title = "False match rate by group",
                .caption = "There is nothing to draw: no group has both genuine and impostor pairs with a distance."};
  plot.x = LogarithmicRates(kFmr, SmallestRate(groups));
  const double edge = *plot.x.from;
  PageSeries intervals{.name = "95 % confidence interval", .ink = PageInk::kGrey, .pieces = true};
  PageSeries rates{.name = "FMR at the server's threshold", .ink = PageInk::kOrange, .dots = true, .pieces = true};
  double row = static_cast<double>(groups.rows.size());
  plot.y = {.label = "group", .from = 0.5, .to = row + 0.5};
  for (const PageGroup& group : groups.rows) {
    plot.y.ticks.push_back({row, group.name});
    if (group.false_match_rate.has_value()) {
      const auto& [value, low, high] = *group.false_match_rate;
      const std::string tip = absl::StrFormat("%s: FMR %s, between %s and %s", group.name, PercentText(value),
                                              PercentText(low), PercentText(high));
      intervals.points.push_back({std::max(low, edge), row, tip});
      intervals.points.push_back({std::max(high, edge), row, tip});
      // Twice, as a piece that has no length.
      rates.points.insert(rates.points.end(), 2, {std::max(value, edge), row, tip});
    }
    --row;
  }
  if (rates.points.empty()) return plot;
  plot.caption =
      "At one threshold for all, which stands for the rate at the dashed line. A rate of 0 is drawn at the left edge.";
  plot.series = {std::move(intervals), std::move(rates)};
  if (groups.stated_false_match_rate.has_value()) {
    plot.rule = PageRule{*groups.stated_false_match_rate,
                         absl::StrFormat("stated: %s", PercentText(*groups.stated_false_match_rate))};
  } else {
    plot.caption = "At one threshold for all, which stands for no rate. A rate of 0 is drawn at the left edge.";
  }
  return plot;
}

}  // namespace

std::vector<PagePlot> EvaluationPlots(const EvaluationPage& page) {
  const Errors errors = ErrorsOf(page);
  std::vector<PagePlot> plots;
  if (!page.groups.rows.empty()) plots.push_back(GroupsPlot(page.groups));
  plots.insert(plots.end(), {RocPlot(errors), DetPlot(errors), HistogramPlot(page), ThresholdPlot(page, errors),
                             RejectionPlot(page)});
  return plots;
}

}  // namespace likeness
