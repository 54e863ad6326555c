#include "client/evaluation_page/evaluation_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "client/evaluation_page/page_texts.h"
#include "client/evaluation_page/pair_figures.h"
#include "client/evaluation_page/plots.h"
#include "client/training/markup.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

// As a Content-Security-Policy names a script or style that may stand in the page.
std::string PolicyHash(absl::string_view text) {
  const Sha256Digest digest = Sha256(text);
  const absl::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
  return absl::StrCat("'sha256-", absl::Base64Escape(bytes), "'");
}

std::string Head(const std::string& title) {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src ",
      PolicyHash(kPageStyle), "; script-src ", PolicyHash(kChartLibrary), " ", PolicyHash(kPageScript),
      "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", EscapeMarkup(title),
      "</title>\n<style>", kPageStyle, "</style>\n</head>\n<body>\n<h1>", EscapeMarkup(title), "</h1>\n");
}

std::string FactsTable(const EvaluationPage& page) {
  std::string html = "<table>\n";
  for (const auto& [label, value] : page.facts) {
    absl::StrAppend(&html, "<tr><th>", EscapeMarkup(label), "</th><td>", EscapeMarkup(value), "</td></tr>\n");
  }
  return html + "</table>\n";
}

std::string GroupsTable(const PageGroups& groups) {
  if (groups.rows.empty()) return "";
  std::string html = "<h2>Groups of people</h2>\n<div class=\"groups\">\n<table>\n<thead><tr><th>group</th>";
  for (const std::string& column : groups.columns) absl::StrAppend(&html, "<th>", EscapeMarkup(column), "</th>");
  html += "</tr></thead>\n";
  for (const PageGroup& group : groups.rows) {
    absl::StrAppend(&html, "<tr><th>", EscapeMarkup(group.name), "</th>");
    for (const std::string& cell : group.cells) absl::StrAppend(&html, "<td>", EscapeMarkup(cell), "</td>");
    html += "</tr>\n";
  }
  return absl::StrCat(html, "</table>\n</div>\n<p>", EscapeMarkup(groups.summary), "</p>\n");
}

// Where each plot stands; one without series has no canvas.
std::string PlotBlocks(const std::vector<PagePlot>& plots) {
  std::string html = "<h2>Plots</h2>\n<div class=\"plots\">\n";
  for (const PagePlot& plot : plots) {
    absl::StrAppend(&html, "<section class=\"plot\">\n<h2>", EscapeMarkup(plot.title), "</h2>\n");
    if (!plot.series.empty()) {
      absl::StrAppend(&html, "<div class=\"canvas\"><canvas id=\"plot-", plot.id, "\" role=\"img\" aria-label=\"",
                      EscapeMarkup(plot.title), "\"></canvas></div>\n");
    }
    absl::StrAppend(&html, "<p>", EscapeMarkup(plot.caption), "</p>\n</section>\n");
  }
  return html + "</div>\n";
}

// For page.js. No text in it can end the element that it stands in.
std::string PlotsAsJson(const std::vector<PagePlot>& plots) {
  nlohmann::json data = nlohmann::json::array();
  for (const PagePlot& plot : plots) {
    if (!plot.series.empty()) data.push_back(PlotData(plot));
  }
  return absl::StrReplaceAll(data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), {{"<", "\\u003c"}});
}

std::string Scripts(const std::vector<PagePlot>& plots) {
  return absl::StrCat("<script type=\"application/json\" id=\"plots\">", PlotsAsJson(plots),
                      "</script>\n<!-- Chart.js\n", kChartLicence, "-->\n<script>", kChartLibrary,
                      "</script>\n<script>", kPageScript, "</script>\n");
}

}  // namespace

std::string EvaluationPageHtml(EvaluationPage page) {
  for (std::vector<double>* kind : {&page.genuine, &page.impostor}) {
    if (!std::is_sorted(kind->begin(), kind->end())) std::sort(kind->begin(), kind->end());
  }
  const std::vector<PagePlot> plots = EvaluationPlots(page);
  return absl::StrCat(Head(page.title), FactsTable(page), GroupsTable(page.groups), PlotBlocks(plots),
                      "<h2>The farthest pairs of one person</h2>\n",
                      PairFigures(page.worst_genuine, "There are no pairs of one person."),
                      "<h2>The nearest pairs of two people</h2>\n",
                      PairFigures(page.worst_impostor, "There are no pairs of two people."), Scripts(plots),
                      "</body>\n</html>\n");
}

}  // namespace likeness
