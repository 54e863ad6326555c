#include "client/evaluation_page/plot_data.h"

#include <utility>

namespace likeness {
namespace {

using nlohmann::json;

// As page.css names it.
const char* InkName(PageInk ink) {
  switch (ink) {
    case PageInk::kBlue:
      return "blue";
    case PageInk::kOrange:
      return "orange";
    case PageInk::kGreen:
      return "green";
    case PageInk::kGrey:
      return "grey";
  }
  return "grey";
}

json AxisData(const PageAxis& axis) {
  json data = {{"label", axis.label}, {"logarithmic", axis.logarithmic}};
  if (axis.from.has_value()) data["from"] = *axis.from;
  if (axis.to.has_value()) data["to"] = *axis.to;
  if (axis.ticks.empty()) return data;
  json ticks = json::array();
  for (const PageTick& tick : axis.ticks) ticks.push_back({{"at", tick.at}, {"label", tick.label}});
  data["ticks"] = std::move(ticks);
  return data;
}

json SeriesData(const PageSeries& series) {
  json points = json::array();
  for (const PagePoint& point : series.points) {
    points.push_back({{"x", point.x}, {"y", point.y}, {"tip", point.tip}});
  }
  return {{"name", series.name},     {"pieces", series.pieces},    {"ink", InkName(series.ink)},
          {"dots", series.dots},     {"dashed", series.dashed},    {"stepped", series.stepped},
          {"filled", series.filled}, {"points", std::move(points)}};
}

}  // namespace

json PlotData(const PagePlot& plot) {
  json series = json::array();
  for (const PageSeries& one : plot.series) series.push_back(SeriesData(one));
  json data = {{"id", plot.id}, {"x", AxisData(plot.x)}, {"y", AxisData(plot.y)}, {"series", std::move(series)}};
  if (plot.rule.has_value()) data["rule"] = {{"at", plot.rule->at}, {"label", plot.rule->label}};
  return data;
}

}  // namespace likeness
