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
  for (const char* id : {"roc", "det", "distances", "threshold", "rejection"}) {
    EXPECT_THAT(html, HasSubstr(std::string("<canvas id=\"plot-") + id + '"')) << id;
  }
  EXPECT_EQ(Count(html, "<figure class=\"pair\">"), 20u);
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
