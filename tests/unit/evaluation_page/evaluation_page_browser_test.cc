// The page in a real browser: every plot draws, no script fails, and the page's own policy blocks nothing that it
// needs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/files.h"
#include "tests/unit/evaluation_page/made_up_page.h"

namespace likeness {
namespace {

constexpr char kBrowser[] = "/usr/bin/chromium";

// The page as it is once its scripts have run.
std::string Open(const std::string& html) {
  const std::string page = UniquePath("page.html");
  const std::string profile = UniquePath("profile");
  WriteFile(page, html);
  const std::string command =
      absl::StrCat("timeout 100 ", kBrowser,
                   " --headless --no-sandbox --disable-gpu --disable-background-networking --disable-dev-shm-usage "
                   "--virtual-time-budget=10000 --user-data-dir='",
                   profile, "' --dump-dom 'file://", page, "' 2>/dev/null");
  std::string dom;
  std::array<char, 4096> buffer;
  FILE* pipe = popen(command.c_str(), "r");
  while (const size_t read = fread(buffer.data(), 1, buffer.size(), pipe)) dom.append(buffer.data(), read);
  EXPECT_EQ(pclose(pipe), 0);
  std::filesystem::remove_all(profile);
  return dom;
}

int Count(const std::string& dom, const std::string& part) {
  int count = 0;
  for (size_t at = dom.find(part); at != std::string::npos; at = dom.find(part, at + 1)) ++count;
  return count;
}

class EvaluationPageBrowserTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kBrowser)) GTEST_SKIP() << kBrowser << " is not installed";
  }
};

TEST_F(EvaluationPageBrowserTest, DrawsEveryPlotWithoutAnError) {
  const std::string dom = Open(EvaluationPageHtml(MadeUpPage()));
  EXPECT_EQ(Count(dom, "<body data-errors=\"0\">"), 1);
  EXPECT_EQ(Count(dom, "<canvas id=\"plot-"), 6);
  EXPECT_EQ(Count(dom, "data-drawn=\"true\""), 6);
}

TEST_F(EvaluationPageBrowserTest, DrawsTheRatesOfTheGroupsThatHaveOne) {
  const std::string dom = Open(EvaluationPageHtml(MadeUpPage()));
  const size_t canvas = dom.find("<canvas id=\"plot-groups\"");
  ASSERT_NE(canvas, std::string::npos);
  const std::string tag = dom.substr(canvas, dom.find('>', canvas) - canvas);
  EXPECT_EQ(Count(tag, "data-drawn=\"true\""), 1) << tag;
  EXPECT_EQ(Count(dom, "<th>ages/&lt;young&gt;</th><td>0.44 % [0.01, 1.26]</td>"), 1);
}

TEST_F(EvaluationPageBrowserTest, ShowsAPlotThatCannotBeDrawnAsAnError) {
  const std::string broken =
      absl::StrReplaceAll(EvaluationPageHtml(MadeUpPage()), {{"<canvas id=\"plot-det\"", "<canvas id=\"lost\""}});
  const std::string dom = Open(broken);
  EXPECT_EQ(Count(dom, "<body data-errors=\"1\">"), 1);
  EXPECT_EQ(Count(dom, "data-drawn=\"true\""), 5) << "the others draw";
}

TEST_F(EvaluationPageBrowserTest, RunsNoScriptButItsOwn) {
  const std::string altered = absl::StrReplaceAll(
      EvaluationPageHtml(MadeUpPage()), {{"</h1>", "</h1><script>document.body.dataset.intruder = 'x';</script>"}});
  const std::string dom = Open(altered);
  EXPECT_EQ(Count(dom, "data-intruder"), 0);
  EXPECT_EQ(Count(dom, "data-drawn=\"true\""), 6);
}

}  // namespace
}  // namespace likeness
