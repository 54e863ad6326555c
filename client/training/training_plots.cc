#include "client/training/training_plots.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/training/roc.h"

namespace likeness {
namespace {

constexpr int kMostEpochsWithDots = 50;
constexpr double kLowestFalseMatchRate = 1e-6;  // where an axis of false match rates begins at the latest

using Counts = google::protobuf::RepeatedField<int64_t>;

template <typename Value>
Series OverEpochs(const v1::Training& training, std::string name, Ink ink, Value value) {
  Series series = {.name = std::move(name), .ink = ink, .dots = training.epochs_size() <= kMostEpochsWithDots};
  for (const v1::TrainingProgress& epoch : training.epochs()) {
    series.points.push_back({static_cast<double>(epoch.epoch()), value(epoch)});
  }
  return series;
}

double Highest(const std::vector<Series>& all) {
  double highest = 0;
  for (const Series& series : all) {
    for (const PlotPoint& point : series.points) {
      if (std::isfinite(point.y)) highest = std::max(highest, point.y);
    }
  }
  return highest;
}

Plot EpochPlot(const v1::Training& training, std::string title, std::string label, std::vector<Series> series) {
  const double last = training.epochs(training.epochs_size() - 1).epoch();
  const double highest = Highest(series);
  return {.title = std::move(title),
          .x = {.label = "epoch", .from = 1, .to = last, .whole = true},
          .y = {.label = std::move(label), .from = 0, .to = highest},
          .series = std::move(series)};
}

TrainingPlot LossPlot(const v1::Training& training) {
  return {.file_name = "loss.svg",
          .plot = EpochPlot(training, "Loss by epoch", "mean contrastive loss",
                            {OverEpochs(training, "loss", Ink::kGrey, [](const auto& epoch) { return epoch.loss(); })}),
          .caption = "Mean contrastive loss of the pairs trained on, over each whole epoch."};
}

TrainingPlot DistancePlot(const v1::Training& training) {
  TrainingPlot plot = {
      .file_name = "distances.svg",
      .plot = EpochPlot(training, "Mean distances by epoch", "mean distance",
                        {OverEpochs(training, "genuine pairs", Ink::kBlue,
                                    [](const auto& epoch) { return epoch.mean_genuine_distance(); }),
                         OverEpochs(training, "impostor pairs", Ink::kOrange,
                                    [](const auto& epoch) { return epoch.mean_impostor_distance(); })}),
      .caption =
          "Mean Euclidean distance between the embeddings of the pairs trained on. Training pulls genuine pairs "
          "(the same person) towards 0 and pushes impostor pairs (two people) beyond the margin."};
  if (const double margin = training.config().margin(); margin > 0 && std::isfinite(margin)) {
    plot.plot.y.to = std::max(plot.plot.y.to, margin);
    plot.plot.rules.push_back({margin, absl::StrFormat("margin %g", margin), /*horizontal=*/true});
  }
  return plot;
}

// Upper edge of the last bin with something in it; 0 where there is none.
double LastEdge(const v1::Evaluation& evaluation) {
  if (!std::isfinite(evaluation.bin_width()) || evaluation.bin_width() <= 0) return 0;
  int bins = 0;
  for (const Counts* counts : {&evaluation.genuine_histogram(), &evaluation.impostor_histogram()}) {
    for (int bin = 0; bin < counts->size(); ++bin) {
      if (counts->at(bin) > 0) bins = std::max(bins, bin + 1);
    }
  }
  return bins * evaluation.bin_width();
}

// The shares of the bins, in percent, as a staircase.
Series Staircase(const Counts& counts, double bin_width, std::string name, Ink ink) {
  Series series = {.name = std::move(name), .ink = ink, .filled = true};
  const double all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  for (int bin = 0; bin < counts.size() && all > 0; ++bin) {
    const double percent = 100 * static_cast<double>(counts[bin]) / all;
    series.points.push_back({bin * bin_width, percent});
    series.points.push_back({(bin + 1) * bin_width, percent});
  }
  return series;
}

TrainingPlot HistogramPlot(const v1::Evaluation& evaluation, const std::string& when, const v1::ServiceOutcome& outcome,
                           double last_edge) {
  const double width = evaluation.bin_width();
  TrainingPlot plot = {
      .file_name = absl::StrCat("histogram-", when, ".svg"),
      .plot = {.title = absl::StrCat("Distances of strangers' pairs ", when, " training"),
               .x = {.label = "distance between embeddings", .from = 0, .to = last_edge},
               .y = {.label = "share of pairs of the kind (%)"},
               .series = {Staircase(evaluation.genuine_histogram(), width, "genuine pairs", Ink::kBlue),
                          Staircase(evaluation.impostor_histogram(), width, "impostor pairs", Ink::kOrange)}},
      .caption = absl::StrFormat("%d genuine and %d impostor pairs of people never trained on, counted in bins of %g; "
                                 "the last bin holds all beyond. The less both overlap, the fewer errors.",
                                 evaluation.genuine_pairs(), evaluation.impostor_pairs(), width)};
  plot.plot.y.to = 1.1 * Highest(plot.plot.series);  // leaves room for the threshold's label
  if (outcome.has_threshold()) {
    plot.plot.rules.push_back(
        {outcome.threshold(), absl::StrFormat("threshold for FMR %g", outcome.target_false_match_rate())});
  }
  return plot;
}

Series RocSeries(const v1::Evaluation& evaluation, const std::string& when, Ink ink, bool dashed) {
  Series series = {.name = when + " training", .ink = ink, .dashed = dashed};
  for (const RocPoint& point : RocOf(evaluation)) {
    series.points.push_back({point.false_match_rate, point.true_match_rate});
  }
  return series;
}

// The rates that the server measured itself, pair by pair.
Series MeasuredSeries(const v1::Evaluation& evaluation, Ink ink) {
  Series series = {.ink = ink, .line = false, .dots = true};
  for (const v1::ErrorRates& rates : evaluation.rates()) {
    series.points.push_back({rates.false_match_rate(), 1 - rates.false_non_match_rate()});
  }
  return series;
}

TrainingPlot RocPlot(const v1::Training& training) {
  TrainingPlot plot = {
      .file_name = "roc.svg",
      .plot = {.title = "ROC on strangers",
               .x = {.label = "false match rate (share of impostor pairs, logarithmic)", .logarithmic = true},
               .y = {.label = "true match rate (share of genuine pairs)", .from = 0, .to = 1}},
      .caption =
          "Receiver operating characteristic, drawn from the bins of the histograms: between two bins' edges the "
          "curve is a straight guess, and what has no false match lies on the left edge. The dots are rates that the "
          "server measured pair by pair. Further up and "
          "to the left is better."};
  double impostor_pairs = 10;
  const auto add = [&](const v1::Evaluation& evaluation, const char* when, Ink ink, bool dashed) {
    plot.plot.series.push_back(RocSeries(evaluation, when, ink, dashed));
    plot.plot.series.push_back(MeasuredSeries(evaluation, ink));
    impostor_pairs = std::max(impostor_pairs, static_cast<double>(evaluation.impostor_pairs()));
  };
  if (training.has_before()) add(training.before(), "before", Ink::kGrey, /*dashed=*/true);
  if (training.has_after()) add(training.after(), "after", Ink::kGreen, /*dashed=*/false);
  plot.plot.x.from = std::max(1 / impostor_pairs, kLowestFalseMatchRate);
  return plot;
}

}  // namespace

std::vector<TrainingPlot> PlotsOf(const v1::Training& training) {
  std::vector<TrainingPlot> plots;
  if (training.epochs_size() > 0) {
    plots.push_back(LossPlot(training));
    plots.push_back(DistancePlot(training));
  }
  const double last_edge = std::max(LastEdge(training.before()), LastEdge(training.after()));
  const bool before = LastEdge(training.before()) > 0;
  const bool after = LastEdge(training.after()) > 0;
  if (before) plots.push_back(HistogramPlot(training.before(), "before", training.result().before(), last_edge));
  if (after) plots.push_back(HistogramPlot(training.after(), "after", training.result().after(), last_edge));
  if (before || after) plots.push_back(RocPlot(training));
  return plots;
}

}  // namespace likeness
