// A plot as data, which page.js draws with Chart.js.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_PLOT_DATA_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_PLOT_DATA_H_

#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace likeness {

// Colours of page.css, which are told apart with any colour vision, in light and in dark.
enum class PageInk { kBlue, kOrange, kGreen, kGrey };

struct PagePoint {
  double x = 0;
  double y = 0;
  // What the reader sees who points at it; nothing where it is empty.
  std::string tip = {};
};

struct PageSeries {
  // For the legend.
  std::string name = {};
  PageInk ink = PageInk::kBlue;
  // In the order in which they are joined; finite.
  std::vector<PagePoint> points = {};
  bool dots = false;  // marks each point
  bool dashed = false;
  bool stepped = false;  // holds the y of each point until the x of the next
  bool filled = false;   // down to 0
  bool pieces = false;   // joins the first point to the second, the third to the fourth, and so on, and no others
};

struct PageTick {
  double at = 0;
  std::string label = {};
};

struct PageAxis {
  // With its unit.
  std::string label = {};
  // Both ends fit the points where they are absent.
  std::optional<double> from = {};
  std::optional<double> to = {};
  bool logarithmic = false;
  // Round numbers where there are none.
  std::vector<PageTick> ticks = {};
};

// An upright dashed line across the plot.
struct PageRule {
  double at = 0;
  std::string label = {};
};

struct PagePlot {
  // Letters and hyphens.
  std::string id = {};
  std::string title = {};
  // What to know when reading it, or why there is nothing to draw, in plain text.
  std::string caption = {};
  PageAxis x = {};
  PageAxis y = {};
  // Empty where there is nothing to draw.
  std::vector<PageSeries> series = {};
  std::optional<PageRule> rule = {};
};

// What page.js reads: id, axes, series and rule.
nlohmann::json PlotData(const PagePlot& plot);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_PLOT_DATA_H_
