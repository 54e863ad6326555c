#include "client/training/plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/training/markup.h"

namespace likeness {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 400;
constexpr double kLeft = 68;
constexpr double kRight = kWidth - 20;
constexpr double kTop = 64;
constexpr double kBottom = kHeight - 56;
constexpr double kLetterWidth = 6.6;  // of the legend's letters, about

constexpr char kStyle[] = R"(<style>
.plot{--paper:#fff;--text:#222;--grid:#ddd;--blue:#0067a8;--orange:#c04a00;--green:#00785a;--grey:#666;
font:12px system-ui,sans-serif;max-width:100%;height:auto}
@media(prefers-color-scheme:dark){
.plot{--paper:#1b1d20;--text:#e6e6e6;--grid:#3a3d42;--blue:#62b5f0;--orange:#ff9d5c;--green:#4fcfa5;--grey:#a8a8a8}}
.plot text{fill:var(--text)}
.plot .paper{fill:var(--paper)}
.plot .grid{stroke:var(--grid)}
.plot .frame{stroke:var(--text);fill:none}
.plot .title{font-size:15px;font-weight:600}
.plot .line{stroke:var(--ink);stroke-width:2;fill:none;stroke-linejoin:round}
.plot .area{fill:var(--ink);fill-opacity:.22}
.plot .dot{fill:var(--ink)}
.plot .rule{stroke:var(--text);stroke-dasharray:2 3}
.plot .label{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.plot .dashed{stroke-dasharray:7 4}
.plot .blue{--ink:var(--blue)}.plot .orange{--ink:var(--orange)}
.plot .green{--ink:var(--green)}.plot .grey{--ink:var(--grey)}
</style>
)";

const char* ClassOf(Ink ink) {
  switch (ink) {
    case Ink::kBlue:
      return "blue";
    case Ink::kOrange:
      return "orange";
    case Ink::kGreen:
      return "green";
    case Ink::kGrey:
      return "grey";
  }
  return "";
}

// The step of 1, 2 or 5 times a power of ten that divides a range into four to ten parts or so.
double StepOf(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 4)));
  const double share = range / 4 / power;
  return power * (share >= 5 ? 5 : share >= 2 ? 2 : 1);
}

// An axis on paper: where its values and its ticks lie.
class Scale {
 public:
  // `start` and `end` are where the ends of the axis lie, in units of the picture.
  Scale(const Axis& axis, double start, double end) : logarithmic_(axis.logarithmic), start_(start), end_(end) {
    if (logarithmic_) {
      from_ = std::floor(std::log10(axis.from));
      to_ = std::max(std::ceil(std::log10(axis.to)), from_ + 1);
    } else {
      const double range = axis.to > axis.from ? axis.to - axis.from : 1;
      step_ = axis.whole ? std::max(StepOf(range), 1.0) : StepOf(range);
      from_ = std::floor(axis.from / step_ + 1e-9) * step_;
      to_ = std::ceil((axis.from + range) / step_ - 1e-9) * step_;
    }
  }

  double Place(double value) const {
    if (logarithmic_) value = value > 0 ? std::log10(value) : from_;
    return start_ + (std::clamp(value, from_, to_) - from_) / (to_ - from_) * (end_ - start_);
  }

  std::vector<double> Ticks() const {
    std::vector<double> ticks;
    for (int i = 0; i <= static_cast<int>(std::lround((to_ - from_) / step_)); ++i) {
      const double value = from_ + i * step_;
      ticks.push_back(logarithmic_ ? std::pow(10, value) : std::abs(value) < step_ / 2 ? 0 : value);
    }
    return ticks;
  }

 private:
  const bool logarithmic_;
  const double start_;
  const double end_;
  double from_ = 0;  // of a logarithmic axis: powers of ten
  double to_ = 1;
  double step_ = 1;
};

std::string Text(double x, double y, const char* attributes, const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", x, y, attributes, EscapeMarkup(text));
}

std::string Line(const char* style, double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style, x1, y1, x2,
                         y2);
}

std::string DrawAxes(const Plot& plot, const Scale& x, const Scale& y) {
  std::string svg;
  for (const double tick : x.Ticks()) {
    absl::StrAppend(&svg, Line("grid", x.Place(tick), kTop, x.Place(tick), kBottom),
                    Text(x.Place(tick), kBottom + 18, " text-anchor=\"middle\"", absl::StrFormat("%g", tick)));
  }
  for (const double tick : y.Ticks()) {
    absl::StrAppend(&svg, Line("grid", kLeft, y.Place(tick), kRight, y.Place(tick)),
                    Text(kLeft - 8, y.Place(tick) + 4, " text-anchor=\"end\"", absl::StrFormat("%g", tick)));
  }
  absl::StrAppendFormat(&svg, "<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", kLeft,
                        kTop, kRight - kLeft, kBottom - kTop);
  absl::StrAppend(
      &svg, Text((kLeft + kRight) / 2, kHeight - 14, " text-anchor=\"middle\"", plot.x.label),
      absl::StrFormat("<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
                      (kTop + kBottom) / 2, EscapeMarkup(plot.y.label)));
  return svg;
}

std::string DrawRule(const Rule& rule, const Scale& x, const Scale& y) {
  if (!std::isfinite(rule.at)) return "";
  if (rule.horizontal) {
    const double place = y.Place(rule.at);
    const bool at_the_top = place < kTop + 16;
    return Line("rule", kLeft, place, kRight, place) +
           Text(kLeft + 6, place + (at_the_top ? 16 : -6), " class=\"label\"", rule.label);
  }
  const double place = x.Place(rule.at);
  const bool left_half = place < (kLeft + kRight) / 2;
  return Line("rule", place, kTop, place, kBottom) +
         Text(place + (left_half ? 6 : -6), kTop + 16,
              left_half ? " class=\"label\"" : " class=\"label\" text-anchor=\"end\"", rule.label);
}

std::string DrawSeries(const Series& series, const Scale& x, const Scale& y) {
  std::vector<PlotPoint> places;
  for (const PlotPoint& point : series.points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) places.push_back({x.Place(point.x), y.Place(point.y)});
  }
  if (places.empty()) return "";
  const std::string corners = absl::StrJoin(places, " ", [](std::string* out, const PlotPoint& place) {
    absl::StrAppendFormat(out, "%.1f,%.1f", place.x, place.y);
  });
  std::string svg = absl::StrFormat("<g class=\"%s\">\n", ClassOf(series.ink));
  if (series.filled) {
    absl::StrAppendFormat(&svg, "<polygon class=\"area\" points=\"%.1f,%.1f %s %.1f,%.1f\"/>\n", places.front().x,
                          kBottom, corners, places.back().x, kBottom);
  }
  if (series.line) {
    absl::StrAppendFormat(&svg, "<polyline class=\"line%s\" points=\"%s\"/>\n", series.dashed ? " dashed" : "",
                          corners);
  }
  if (series.dots) {
    for (const PlotPoint& place : places) {
      absl::StrAppendFormat(&svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", place.x, place.y);
    }
  }
  return svg + "</g>\n";
}

std::string DrawLegend(const std::vector<Series>& all) {
  std::string svg;
  double x = kLeft;
  for (const Series& series : all) {
    if (series.name.empty()) continue;
    absl::StrAppendFormat(&svg, "<g class=\"%s\">\n", ClassOf(series.ink));
    if (series.line) svg += Line(series.dashed ? "line dashed" : "line", x, 46, x + 24, 46);
    if (series.dots) absl::StrAppendFormat(&svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"46\" r=\"3.5\"/>\n", x + 12);
    svg += Text(x + 30, 50, "", series.name) + "</g>\n";
    x += 48 + kLetterWidth * static_cast<double>(series.name.size());
  }
  return svg;
}

}  // namespace

std::string DrawSvg(const Plot& plot) {
  const Scale x(plot.x, kLeft, kRight);
  const Scale y(plot.y, kBottom, kTop);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" width=\"%.0f\" height=\"%.0f\" "
      "viewBox=\"0 0 %.0f %.0f\">\n<title>%s</title>\n%s<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\"/>\n",
      kWidth, kHeight, kWidth, kHeight, EscapeMarkup(plot.title), kStyle, kWidth, kHeight);
  absl::StrAppend(&svg, Text(kLeft, 26, " class=\"title\"", plot.title), DrawLegend(plot.series), DrawAxes(plot, x, y));
  for (const Series& series : plot.series) svg += DrawSeries(series, x, y);
  for (const Rule& rule : plot.rules) svg += DrawRule(rule, x, y);
  return svg + "</svg>\n";
}

}  // namespace likeness
