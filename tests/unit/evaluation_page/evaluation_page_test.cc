#include "client/evaluation_page/evaluation_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "client/evaluation_page/plots.h"
#include "tests/unit/evaluation_page/made_up_page.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(EvaluationPageTest, HasAPlaceForEachPlotAndTheTenWorstPairsOfEachKind) {
  const std::string html = EvaluationPageHtml(MadeUpPage());
  for (const char* id : {"groups", "roc", "det", "distances", "threshold", "rejection"}) {
    EXPECT_THAT(html, HasSubstr(std::string("<canvas id=\"plot-") + id + '"')) << id;
  }
  EXPECT_EQ(Count(html, "<figure class=\"pair is-wrong\">"), 10u);
  EXPECT_EQ(Count(html, "<figure class=\"pair\">"), 10u);
  EXPECT_EQ(Count(html, "data:image/png;base64,"), 20u);
  EXPECT_THAT(html, HasSubstr("The photo could not be read."));
  EXPECT_THAT(html, HasSubstr("A photo in a format that browsers do not show."));
}

TEST(EvaluationPageTest, EscapesEveryTextFromOutside) {
  const std::string html = EvaluationPageHtml(MadeUpPage());
  EXPECT_THAT(html, HasSubstr("model &lt;1&gt; &amp;"));
  EXPECT_THAT(html, HasSubstr("Equal &lt;error&gt; rate"));
  EXPECT_THAT(html, HasSubstr("ann/&lt;1&gt;.png"));
  EXPECT_THAT(html, Not(HasSubstr("<1>")));
}

TEST(EvaluationPageTest, TellsGroupsApartInATable) {
  const std::string html = EvaluationPageHtml(MadeUpPage());
  EXPECT_THAT(html, HasSubstr("<th>group</th><th>FMR</th>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>ages/&lt;young&gt;</th><td>0.44 % [0.01, 1.26]</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<p>the worst is &lt;young&gt;</p>"));
  EXPECT_THAT(EvaluationPageHtml({.title = "people together"}), Not(HasSubstr("Groups of people")));
}

TEST(EvaluationPlotsTest, DrawsEachGroupsRateWithItsIntervalBesideTheStatedRate) {
  const PagePlot plot = EvaluationPlots(MadeUpPage()).front();
  EXPECT_EQ(plot.id, "groups");
  EXPECT_TRUE(plot.x.logarithmic);
  EXPECT_EQ(*plot.x.from, 1e-5) << "the decade below the smallest rate";
  ASSERT_EQ(plot.y.ticks.size(), 3u);
  EXPECT_EQ(plot.y.ticks[0].label, "ages/<young>");
  EXPECT_EQ(plot.y.ticks[0].at, 3) << "on top";
  ASSERT_TRUE(plot.rule.has_value());
  EXPECT_EQ(plot.rule->at, 1e-3);
  ASSERT_EQ(plot.series.size(), 2u);
  const std::vector<PagePoint>& intervals = plot.series[0].points;
  ASSERT_EQ(intervals.size(), 4u) << "one has no rate";
  EXPECT_EQ(intervals[0].x, 1e-4);
  EXPECT_EQ(intervals[1].x, 0.0126);
  EXPECT_EQ(intervals[2].x, 1e-5) << "0, at the edge";
  EXPECT_EQ(intervals[3].y, 2);
  EXPECT_EQ(plot.series[1].points[0].x, 0.0044);
}

TEST(EvaluationPageTest, LoadsNothingFromAnywhere) {
  const std::string html = EvaluationPageHtml(MadeUpPage());
  EXPECT_THAT(html, HasSubstr("default-src 'none'; img-src data:; style-src 'sha256-"));
  EXPECT_THAT(html, Not(HasSubstr("unsafe-inline")));
  EXPECT_THAT(html, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(html, Not(HasSubstr("sourceMappingURL")));
}

TEST(EvaluationPageTest, CarriesTheLicenceOfItsPlottingLibrary) {
  EXPECT_THAT(EvaluationPageHtml(MadeUpPage()), HasSubstr("Permission is hereby granted"));
}

TEST(EvaluationPageTest, SaysWhatItCannotDraw) {
  const std::string html = EvaluationPageHtml({.title = "nothing"});
  EXPECT_THAT(html, Not(HasSubstr("<canvas")));
  EXPECT_THAT(html, HasSubstr("Not measured: the quality of the photos is not known"));
  EXPECT_THAT(html, HasSubstr("There are no pairs of one person."));
}

TEST(EvaluationPlotsTest, DrawNothingThatIsNotANumber) {
  for (EvaluationPage page : {MadeUpPage(), EvaluationPage{.title = "", .genuine = {0.5}, .impostor = {0.5}},
                              EvaluationPage{.title = "", .genuine = {0.1}, .impostor = {0.9}, .threshold = 0.5}}) {
    std::sort(page.genuine.begin(), page.genuine.end());
    std::sort(page.impostor.begin(), page.impostor.end());
    for (const PagePlot& plot : EvaluationPlots(page)) {
      for (const PageSeries& series : plot.series) {
        EXPECT_LE(series.points.size(), 2100u) << plot.id;
        for (const PagePoint& point : series.points) {
          ASSERT_TRUE(std::isfinite(point.x) && std::isfinite(point.y)) << plot.id << ' ' << series.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace likeness
