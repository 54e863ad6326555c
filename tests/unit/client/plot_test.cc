#include "client/training/plot.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The plot's area goes from 68 to 620 to the right and from 344 up to 64.
Plot LinePlot() {
  return {.title = "Loss by epoch",
          .x = {.label = "epoch", .from = 0, .to = 10},
          .y = {.label = "loss", .from = 0, .to = 2},
          .series = {{.name = "loss", .points = {{0, 2}, {5, 1}, {10, 0}}}}};
}

TEST(PlotTest, PutsThePointsWhereTheirNumbersAre) {
  const std::string svg = DrawSvg(LinePlot());
  EXPECT_THAT(svg, HasSubstr("<polyline class=\"line\" points=\"68.0,64.0 344.0,204.0 620.0,344.0\"/>"));
}

TEST(PlotTest, HasATitleAxesWithUnitsAndALegend) {
  const std::string svg = DrawSvg(LinePlot());
  EXPECT_THAT(svg, HasSubstr("<title>Loss by epoch</title>"));
  EXPECT_THAT(svg, HasSubstr(">epoch</text>"));
  EXPECT_EQ(svg.find(">loss</text>") == svg.rfind(">loss</text>"), false) << "the label and the legend";
  for (const char* tick : {">0<", ">2<", ">4<", ">10<", ">0.5<", ">1.5<"}) EXPECT_THAT(svg, HasSubstr(tick));
}

TEST(PlotTest, ExtendsAnAxisToItsNextTick) {
  Plot plot = LinePlot();
  plot.x.to = 9.3;
  EXPECT_THAT(DrawSvg(plot), HasSubstr(">10</text>"));
}

TEST(PlotTest, TicksAtWholeNumbersOnly) {
  Plot plot = LinePlot();
  plot.x = {.label = "epoch", .from = 1, .to = 2, .whole = true};
  plot.y.to = 10;
  EXPECT_THAT(DrawSvg(plot), Not(HasSubstr(">1.2<")));
}

TEST(PlotTest, DrawsPowersOfTenAndClampsWhatHasNoLogarithm) {
  Plot plot = LinePlot();
  plot.x = {.label = "rate", .from = 0.002, .to = 1, .logarithmic = true};
  plot.series[0].points = {{0, 2}, {0.001, 2}, {0.1, 1}, {1, 0}};
  const std::string svg = DrawSvg(plot);
  EXPECT_THAT(svg, HasSubstr("points=\"68.0,64.0 68.0,64.0 436.0,204.0 620.0,344.0\""));
  for (const char* tick : {">0.001<", ">0.01<", ">0.1<", ">1<"}) EXPECT_THAT(svg, HasSubstr(tick));
}

TEST(PlotTest, LeavesOutWhatIsNoNumber) {
  Plot plot = LinePlot();
  plot.series[0].points[1].y = std::numeric_limits<double>::quiet_NaN();
  plot.series[0].points[2].y = std::numeric_limits<double>::infinity();
  plot.rules = {{std::numeric_limits<double>::quiet_NaN(), "no rule"}};
  const std::string svg = DrawSvg(plot);
  EXPECT_THAT(svg, HasSubstr("points=\"68.0,64.0\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(PlotTest, DrawsFillsDotsAndRules) {
  Plot plot = LinePlot();
  plot.series[0].filled = true;
  plot.series[0].dots = true;
  plot.series[0].ink = Ink::kOrange;
  plot.rules = {{5, "threshold"}, {1, "margin", /*horizontal=*/true}};
  const std::string svg = DrawSvg(plot);
  EXPECT_THAT(svg, HasSubstr("<g class=\"orange\">"));
  EXPECT_THAT(svg, HasSubstr("points=\"68.0,344.0 68.0,64.0 344.0,204.0 620.0,344.0 620.0,344.0\""));
  EXPECT_THAT(svg, HasSubstr("<circle class=\"dot\" cx=\"344.0\" cy=\"204.0\""));
  EXPECT_THAT(svg, HasSubstr("x1=\"344.0\" y1=\"64.0\" x2=\"344.0\" y2=\"344.0\""));
  EXPECT_THAT(svg, HasSubstr("x1=\"68.0\" y1=\"204.0\" x2=\"620.0\" y2=\"204.0\""));
  EXPECT_THAT(svg, HasSubstr(">threshold</text>"));
}

TEST(PlotTest, HasColoursForADarkSchemeAndNoScript) {
  const std::string svg = DrawSvg(LinePlot());
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
}

TEST(PlotTest, EscapesItsTexts) {
  Plot plot = LinePlot();
  plot.title = "<b>";
  plot.x.label = "<i>";
  plot.series[0].name = "a & b";
  plot.rules = {{1, "<u>"}};
  const std::string svg = DrawSvg(plot);
  for (const char* raw : {"<b>", "<i>", "<u>", "a & b"}) EXPECT_THAT(svg, Not(HasSubstr(raw)));
}

}  // namespace
}  // namespace likeness
