#include "client/training/report_page.h"

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/training/finding_text.h"
#include "client/training/markup.h"
#include "google/protobuf/util/time_util.h"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>
:root{--paper:#fff;--text:#222;--faint:#666;--edge:#d5d5d5;--card:#f6f6f6}
@media(prefers-color-scheme:dark){:root{--paper:#1b1d20;--text:#e6e6e6;--faint:#a8a8a8;--edge:#3a3d42;--card:#25282c}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--paper);max-width:72rem;margin:2rem auto;
padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.7rem;margin-bottom:.3rem}h2{font-size:1.25rem;margin-top:2.2rem}
figcaption,.faint{color:var(--faint);font-size:.9rem}
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.25rem 1.2rem .25rem 0;
border-bottom:1px solid var(--edge)}th{font-weight:600}td.number{font-variant-numeric:tabular-nums}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%%,30rem),1fr));gap:1.5rem}
.pairs{grid-template-columns:repeat(auto-fill,minmax(min(100%%,20rem),1fr))}
figure{margin:0}.pair{background:var(--card);padding:.8rem;border-radius:.4rem}
.faces{display:flex;gap:.8rem;margin-bottom:.6rem}.faces>div{flex:1;min-width:0;font-size:.8rem}
.faces img,.faces .absent{display:block;width:100%%;height:9rem;object-fit:contain;background:var(--paper)}
.absent{padding:.6rem;box-sizing:border-box;color:var(--faint);overflow:hidden}
</style>
</head>
<body>
)";

std::string Row(const std::string& name, const std::string& value) {
  return absl::StrCat("<tr><th>", EscapeMarkup(name), "</th><td>", EscapeMarkup(value), "</td></tr>\n");
}

std::string Percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

std::string OutcomeOf(const v1::Training& training) {
  switch (training.state()) {
    case v1::TRAINING_STATE_SUCCEEDED:
      return "succeeded";
    case v1::TRAINING_STATE_FAILED:
      return "failed";
    case v1::TRAINING_STATE_CANCELLED:
      return "was cancelled";
    default:
      return "has not ended";
  }
}

std::string Heading(const v1::Training& training) {
  return absl::StrCat("Training of ", training.config().name().empty() ? "a model" : training.config().name(), " ",
                      OutcomeOf(training));
}

std::string ThresholdCell(const v1::ServiceOutcome& outcome) {
  if (!outcome.has_threshold()) return "none";
  return absl::StrFormat("%.4f%s", outcome.threshold(), outcome.measured() ? "" : ", not measured");
}

std::string GroupCell(const v1::ServiceOutcome& outcome, const std::string& name) {
  for (const v1::GroupOutcome& group : outcome.groups()) {
    if (group.name() != name) continue;
    return absl::StrFormat("%s of genuine pairs rejected, %s of strangers matched%s",
                           Percent(group.false_non_match_rate()), Percent(group.false_match_rate()),
                           group.foretold() ? " (foretold)" : "");
  }
  return "not known";
}

// What the service does at the thresholds that decide.
std::string ServiceTable(const v1::TrainingResult& result) {
  if (!result.has_after()) return "";
  std::string html = absl::StrCat(
      "<table>\n<tr><th></th><th>before</th><th>after</th></tr>\n<tr><th>threshold that decides, for a false match "
      "rate "
      "of ",
      absl::StrFormat("%g", result.after().target_false_match_rate()), "</th><td class=\"number\">",
      ThresholdCell(result.before()), "</td><td class=\"number\">", ThresholdCell(result.after()), "</td></tr>\n");
  for (const v1::GroupOutcome& group : result.after().groups()) {
    absl::StrAppend(&html, "<tr><th>", EscapeMarkup(group.name()), "</th><td>",
                    GroupCell(result.before(), group.name()), "</td><td>", GroupCell(result.after(), group.name()),
                    "</td></tr>\n");
  }
  return html + "</table>\n";
}

std::string OutcomeSection(const v1::Training& training) {
  std::string html = absl::StrCat("<h1>", EscapeMarkup(Heading(training)), "</h1>\n<p class=\"faint\">training ",
                                  EscapeMarkup(training.training_id()));
  if (training.has_create_time()) {
    absl::StrAppend(&html, ", queued ", EscapeMarkup(TimeUtil::ToString(training.create_time())));
  }
  if (training.has_end_time()) {
    absl::StrAppend(&html, ", ended ", EscapeMarkup(TimeUtil::ToString(training.end_time())));
  }
  html += "</p>\n";
  if (training.has_failure()) {
    absl::StrAppend(&html, "<p><strong>", EscapeMarkup(training.failure().reason()),
                    "</strong>: ", EscapeMarkup(training.failure().message()), "</p>\n");
  }
  if (training.has_result()) {
    const v1::Model& model = training.result().model();
    if (!training.result().has_model()) {
      return absl::StrCat(html, "<p>", EscapeMarkup(training.result().promotion_reason()), "</p>\n");
    }
    absl::StrAppend(&html, "<p>The trained model <strong>", EscapeMarkup(model.name()), " ",
                    EscapeMarkup(model.version()), "</strong> ",
                    training.result().promoted() ? "became the active one: " : "did not become the active one: ",
                    EscapeMarkup(training.result().promotion_reason()), "</p>\n<p class=\"faint\">digest ",
                    EscapeMarkup(model.digest()), "</p>\n", ServiceTable(training.result()));
  }
  return html;
}

std::string ContrastiveRows(const v1::Training& training) {
  const v1::TrainingConfig& config = training.config();
  return absl::StrCat(
      Row("contrastive margin", absl::StrFormat("%g", config.margin())),
      Row("epochs", absl::StrFormat("%d, %d of them done", config.epochs(), training.epochs_size())),
      Row("pairs", absl::StrFormat("%d in an epoch, %d in a step", config.pairs_per_epoch(), config.batch_pairs())),
      Row("optimizer", absl::StrFormat("%s, learning rate %g",
                                       config.optimizer() == v1::OPTIMIZER_SGD ? "SGD with momentum" : "Adam",
                                       config.learning_rate())),
      Row("pictures mirrored at random", config.mirror() ? "yes" : "no"),
      Row("impostor pairs", config.mine_hardest() ? "the hardest of each batch" : "at random"));
}

std::string SettingsSection(const v1::Training& training) {
  const v1::TrainingConfig& config = training.config();
  const v1::TrainingData& data = training.data();
  std::string html = "<h2>Settings and photos</h2>\n<table>\n";
  absl::StrAppend(&html, Row("base model", config.base_model()));
  if (config.method() == v1::TRAINING_METHOD_LINEAR_HEAD) {
    const v1::HeadFit& head = training.result().head();
    absl::StrAppend(&html, Row("method", "a linear layer behind the network"),
                    Row("fit", absl::StrFormat("shrinkage %g, %g of the mean subtracted; of people left out %s of "
                                               "genuine pairs rejected instead of %s",
                                               head.shrinkage(), head.mean_share(), Percent(head.rejected_after()),
                                               Percent(head.rejected_before()))));
  } else {
    absl::StrAppend(&html, ContrastiveRows(training));
  }
  absl::StrAppend(&html, Row("seed", absl::StrCat(config.seed())),
                  Row("photos", absl::StrFormat("%d used, %d rejected, %d left out", data.accepted_photos(),
                                                data.rejected_photos(), data.left_out_photos())),
                  Row("people", absl::StrFormat("%d trained on (%d of them with one photo), %d held out as strangers",
                                                data.people(), data.people_with_one_photo(), data.strangers())));
  return html + "</table>\n";
}
// The row of a number that both evaluations may have.
template <typename Value>
std::string BeforeAfterRow(const v1::Training& training, const std::string& name, Value value) {
  const auto cell = [&value](bool present, const v1::Evaluation& evaluation) {
    const std::optional<std::string> text = present ? value(evaluation) : std::nullopt;
    return absl::StrCat("<td class=\"number\">", EscapeMarkup(text.value_or("not measured")), "</td>");
  };
  return absl::StrCat("<tr><th>", EscapeMarkup(name), "</th>", cell(training.has_before(), training.before()),
                      cell(training.has_after(), training.after()), "</tr>\n");
}

std::optional<std::string> RatesText(const v1::Evaluation& evaluation, double target) {
  for (const v1::ErrorRates& rates : evaluation.rates()) {
    if (rates.target_false_match_rate() != target) continue;
    return absl::StrFormat("%s (%.2f to %.2f), threshold %.4f", Percent(rates.false_non_match_rate()),
                           100 * rates.false_non_match_rate_low(), 100 * rates.false_non_match_rate_high(),
                           rates.distance());
  }
  return std::nullopt;
}

std::string ErrorsSection(const v1::Training& training) {
  std::string html = "<h2>Errors on strangers</h2>\n";
  if (!training.has_before() && !training.has_after()) return html + "<p>Nobody was evaluated on.</p>\n";
  html +=
      "<p class=\"faint\">Over all pairs of the people held out. EER: equal error rate. FNMR: false non-match rate, "
      "the "
      "share of genuine pairs above the threshold, with its 95 % confidence interval. FMR: false match rate, the share "
      "of impostor pairs below it.</p>\n<table>\n<tr><th></th><th>before</th><th>after</th></tr>\n";
  const v1::Evaluation& newest = training.has_after() ? training.after() : training.before();
  for (const v1::ErrorRates& rates : newest.rates()) {
    const double target = rates.target_false_match_rate();
    html += BeforeAfterRow(training, absl::StrFormat("FNMR at FMR %g", target),
                           [target](const v1::Evaluation& evaluation) { return RatesText(evaluation, target); });
  }
  absl::StrAppend(&html,
                  BeforeAfterRow(training, "EER",
                                 [](const v1::Evaluation& evaluation) -> std::optional<std::string> {
                                   return Percent(evaluation.equal_error_rate());
                                 }),
                  BeforeAfterRow(training, "area under the ROC",
                                 [](const v1::Evaluation& evaluation) -> std::optional<std::string> {
                                   return absl::StrFormat("%.4f", evaluation.area_under_roc());
                                 }),
                  BeforeAfterRow(training, "pairs", [](const v1::Evaluation& evaluation) -> std::optional<std::string> {
                    return absl::StrFormat("%d genuine, %d impostor", evaluation.genuine_pairs(),
                                           evaluation.impostor_pairs());
                  }));
  return html + "</table>\n";
}

std::string PlotsSection(const std::vector<TrainingPlot>& plots) {
  std::string html = "<h2>Plots</h2>\n";
  if (plots.empty()) return html + "<p>The training ended before there was anything to draw.</p>\n";
  html += "<div class=\"grid\">\n";
  for (const TrainingPlot& plot : plots) {
    absl::StrAppend(&html, "<figure>\n", DrawSvg(plot.plot), "<figcaption>", EscapeMarkup(plot.caption),
                    "</figcaption>\n</figure>\n");
  }
  return html + "</div>\n";
}

std::string PhotoBlock(const ReportPhoto& photo) {
  const std::string name = EscapeMarkup(photo.name);
  const std::string picture = photo.uri.empty()
                                  ? absl::StrCat("<div class=\"absent\">", EscapeMarkup(photo.note), "</div>")
                                  : absl::StrCat("<img src=\"", EscapeMarkup(photo.uri), "\" alt=\"", name, "\">");
  return absl::StrCat("<div>", picture, name, "</div>\n");
}

// Distances of the pairs of one evaluation.
using PairDistances = std::map<std::pair<int, int>, double>;

PairDistances ExampleDistances(const v1::Evaluation& evaluation) {
  PairDistances distances;
  for (const v1::PairExample& pair : evaluation.examples()) {
    distances[{pair.photo_a(), pair.photo_b()}] = pair.distance();
  }
  return distances;
}

std::string DistanceText(const PairDistances& distances, const v1::PairExample& pair) {
  const auto found = distances.find({pair.photo_a(), pair.photo_b()});
  return found == distances.end() ? "not measured" : absl::StrFormat("%.4f", found->second);
}

std::string ThresholdText(const v1::Training& training) {
  const v1::ServiceOutcome& before = training.result().before();
  const v1::ServiceOutcome& after = training.result().after();
  std::string text = "The dissimilarity of two photos is the Euclidean distance between their embeddings.";
  if (before.has_threshold() && after.has_threshold()) {
    absl::StrAppendFormat(&text, " A pair counts as one person up to %.4f before and up to %.4f after.",
                          before.threshold(), after.threshold());
  }
  return text;
}

std::string PairsSection(const v1::Training& training, const std::function<ReportPhoto(int)>& photo) {
  std::string html = "<h2>Pairs of strangers</h2>\n";
  const v1::Evaluation& newest = training.after().examples().empty() ? training.before() : training.after();
  if (newest.examples().empty()) return html + "<p>The server sent no pairs to show.</p>\n";
  const PairDistances before = ExampleDistances(training.before());
  const PairDistances after = ExampleDistances(training.after());
  absl::StrAppend(&html, "<p class=\"faint\">", EscapeMarkup(ThresholdText(training)),
                  "</p>\n<div class=\"grid pairs\">\n");
  for (const v1::PairExample& pair : newest.examples()) {
    absl::StrAppend(&html, "<figure class=\"pair\">\n<div class=\"faces\">\n", PhotoBlock(photo(pair.photo_a())),
                    PhotoBlock(photo(pair.photo_b())), "</div>\n<strong>",
                    pair.genuine() ? "the same person" : "two people", "</strong>, dissimilarity ",
                    DistanceText(before, pair), " before, <strong>", DistanceText(after, pair),
                    "</strong> after\n</figure>\n");
  }
  return html + "</div>\n";
}

std::string FindingsSection(const v1::Training& training, const std::function<ReportPhoto(int)>& photo) {
  if (training.data().findings().empty()) return "";
  std::string html =
      "<h2>What was found wrong with the photos</h2>\n<p class=\"faint\">By the base model, before the training. "
      "Photos "
      "that were left out took part in neither training nor evaluation.</p>\n<ul>\n";
  for (const v1::PhotoFinding& finding : training.data().findings()) {
    absl::StrAppend(&html, "<li>",
                    EscapeMarkup(FindingText(finding, [&photo](int index) { return photo(index).name; })), "</li>\n");
  }
  return html + "</ul>\n";
}

std::string RejectedSection(const std::vector<RejectedFile>& rejected) {
  if (rejected.empty()) return "";
  std::string html = "<h2>Rejected photos</h2>\n<table>\n<tr><th>photo</th><th>reason</th><th></th></tr>\n";
  for (const RejectedFile& file : rejected) {
    absl::StrAppend(&html, "<tr><td>", EscapeMarkup(file.name), "</td><td>", EscapeMarkup(file.reason), "</td><td>",
                    EscapeMarkup(file.message), "</td></tr>\n");
  }
  return html + "</table>\n";
}

}  // namespace

std::string ReportPage(const v1::Training& training, const std::vector<TrainingPlot>& plots,
                       const std::vector<RejectedFile>& rejected, const std::function<ReportPhoto(int)>& photo) {
  return absl::StrCat(absl::StrFormat(kHead, EscapeMarkup(Heading(training))), OutcomeSection(training),
                      ErrorsSection(training), PlotsSection(plots), PairsSection(training, photo),
                      SettingsSection(training), FindingsSection(training, photo), RejectedSection(rejected),
                      "</body>\n</html>\n");
}

}  // namespace likeness
