// Line plots as SVG.
//
// Own code, because Debian's plotting libraries bring more than the rest of the command line together (PLplot: 34
// packages to build with; MathGL: 39, GSL, HDF and OpenGL among them), and none draws in the colours of the reader's
// scheme.
#ifndef LIKENESS_CLIENT_TRAINING_PLOT_H_
#define LIKENESS_CLIENT_TRAINING_PLOT_H_

#include <string>
#include <vector>

namespace likeness {

// The colours, which are told apart with any colour vision, in light and in dark.
enum class Ink { kBlue, kOrange, kGreen, kGrey };

struct PlotPoint {
  double x = 0;
  double y = 0;
};

struct Series {
  // For the legend; none where it is empty.
  std::string name = {};
  Ink ink = Ink::kBlue;
  // In the order in which they are joined. Points with a number that is not finite are left out.
  std::vector<PlotPoint> points = {};
  bool line = true;   // joins the points
  bool dots = false;  // marks each point
  bool dashed = false;
  bool filled = false;  // fills what lies between the line and the lower edge
};

struct Axis {
  // With its unit.
  std::string label = {};
  // What it shows at least. It is extended to the next tick, or to the next power of ten; what lies beyond is drawn at
  // the edge.
  double from = 0;
  double to = 1;
  // Powers of ten; both ends > 0.
  bool logarithmic = false;
  // Ticks at whole numbers only.
  bool whole = false;
};

// A dashed line across the plot.
struct Rule {
  double at = 0;
  std::string label = {};
  // Along the x axis at a height, instead of upright at a place.
  bool horizontal = false;
};

struct Plot {
  std::string title = {};
  Axis x;
  Axis y;
  std::vector<Series> series = {};
  std::vector<Rule> rules = {};
};

// One <svg> element that is a picture of its own, and can stand in an HTML page as well: 640 × 400 units, scalable,
// without script, in light or dark as the reader prefers. All texts are escaped.
std::string DrawSvg(const Plot& plot);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_PLOT_H_
