#include "server/statistics/figures.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "server/statistics/resampled_figures.h"
#include "server/statistics/resampled_pairs.h"

namespace likeness {
namespace {

constexpr size_t kMostEdges = 8192;
constexpr double kTail = 0.025;  // beyond either end of an interval

// Fewer for very many pairs, which take their time.
size_t ResamplesFor(size_t pairs) {
  constexpr double kPairsTimesResamples = 1e10;
  return static_cast<size_t>(
      std::clamp(kPairsTimesResamples / static_cast<double>(std::max<size_t>(1, pairs)), 100.0, 200.0));
}

// The counts of all resamples, and the way to an interval.
class Resamples {
 public:
  Resamples(const PeoplePairs& pairs, std::vector<double> edges, uint64_t seed)
      : pairs_(pairs, std::move(edges), ResamplesFor(pairs.pairs.size()), seed) {
    for (size_t i = 0; i < pairs_.resamples(); ++i) counts_.push_back(pairs_.Counts(i));
  }

  const std::vector<double>& edges() const { return pairs_.edges(); }

  // The number of the edge at the threshold, which is one of them.
  size_t EdgeOf(double threshold) const {
    return static_cast<size_t>(std::lower_bound(edges().begin(), edges().end(), threshold) - edges().begin());
  }

  // Resamples without a value do not count; nothing where none has one.
  template <typename Measure>
  std::optional<Interval> Percentiles(Measure measure) const {
    std::vector<double> values;
    for (const ResampledCounts& counts : counts_) {
      if (const double resampled = measure(counts); !std::isnan(resampled)) values.push_back(resampled);
    }
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const auto below = static_cast<size_t>(std::floor(kTail * static_cast<double>(values.size() - 1)));
    return Interval{values[below], values[values.size() - 1 - below]};
  }

  template <typename Measure>
  Interval IntervalOf(double value, Measure measure) const {
    const Interval interval = Percentiles(measure).value_or(Interval{value, value});
    return {std::min(value, interval.low), std::max(value, interval.high)};
  }

  template <typename Measure>
  Figure FigureOf(double value, Measure measure) const {
    return {value, IntervalOf(value, measure)};
  }

 private:
  ResampledPairs pairs_;
  std::vector<ResampledCounts> counts_;
};

void CountPairs(const PeoplePairs& pairs, Figures& figures) {
  std::vector<bool> seen(pairs.people);
  for (const PeoplePair& pair : pairs.pairs) {
    const bool failed = std::isinf(pair.distance);
    if (pair.genuine()) {
      ++figures.genuine_pairs;
      figures.failed_genuine_pairs += failed ? 1 : 0;
    } else {
      ++(failed ? figures.failed_impostor_pairs : figures.impostor_pairs);
    }
    seen[pair.person_a] = seen[pair.person_b] = true;
  }
  figures.people = std::count(seen.begin(), seen.end(), true);
}

ThresholdFigures MeasureThreshold(double threshold, const PairDistances& distances, const Resamples& resamples,
                                  const Figures& figures) {
  const OperatingPointRates rates = *RatesAtThreshold(distances, threshold);
  const double right = (1 - rates.false_non_match_rate) * static_cast<double>(figures.genuine_pairs) +
                       (1 - rates.false_match_rate) * static_cast<double>(figures.impostor_pairs);
  const double all =
      static_cast<double>(figures.genuine_pairs + figures.impostor_pairs + figures.failed_impostor_pairs);
  const size_t edge = resamples.EdgeOf(threshold);
  const auto at_edge = [edge](double (*measure)(const ResampledCounts&, size_t)) {
    return [edge, measure](const ResampledCounts& counts) { return measure(counts, edge); };
  };
  ThresholdFigures measured{
      .distance = threshold,
      .false_match_rate = resamples.FigureOf(rates.false_match_rate, at_edge(&ResampledFalseMatchRate)),
      .false_non_match_rate = resamples.FigureOf(rates.false_non_match_rate, at_edge(&ResampledFalseNonMatchRate)),
      .accuracy = resamples.FigureOf(right / all, at_edge(&ResampledAccuracy))};
  if (const int64_t verdicts = figures.genuine_pairs - figures.failed_genuine_pairs; verdicts > 0) {
    const double missed = rates.false_non_match_rate * static_cast<double>(figures.genuine_pairs);
    measured.false_non_match_rate_of_verdicts = resamples.FigureOf(
        std::round(missed - static_cast<double>(figures.failed_genuine_pairs)) / static_cast<double>(verdicts),
        at_edge(&ResampledFalseNonMatchRateOfVerdicts));
  }
  return measured;
}

TargetFigures MeasureTarget(double target, const OperatingPointRates& rates, const Resamples& resamples) {
  const size_t edge = resamples.EdgeOf(rates.distance);
  return {.target = target,
          .rates = rates,
          .false_match_rate = resamples.IntervalOf(
              rates.false_match_rate, [edge](const ResampledCounts& c) { return ResampledFalseMatchRate(c, edge); }),
          .false_non_match_rate = resamples.IntervalOf(rates.false_non_match_rate, [target](const ResampledCounts& c) {
            return ResampledFalseNonMatchRateAt(c, target);
          })};
}

Figure MeasureCllr(double value, const Calibration& calibration, const Resamples& resamples) {
  std::vector<double> genuine;
  std::vector<double> impostor;
  for (double edge : resamples.edges()) {
    const double ratio = LogLikelihoodRatio(calibration, edge);
    genuine.push_back(CostOfLogLikelihoodRatio(ratio, true));
    impostor.push_back(CostOfLogLikelihoodRatio(ratio, false));
  }
  return resamples.FigureOf(value, [&](const ResampledCounts& c) { return ResampledCllr(c, genuine, impostor); });
}

}  // namespace

absl::StatusOr<Figures> MeasureFigures(const PeoplePairs& pairs, const FigureOptions& options) {
  if (std::any_of(pairs.pairs.begin(), pairs.pairs.end(), [](const PeoplePair& p) { return std::isnan(p.distance); })) {
    return absl::InvalidArgumentError("the distance of a pair is not a number");
  }
  Figures figures;
  CountPairs(pairs, figures);
  if (figures.genuine_pairs == 0 || figures.impostor_pairs == 0) return figures;
  const PairDistances distances = SortedDistances(pairs);

  std::vector<std::pair<double, OperatingPointRates>> points;
  std::vector<double> thresholds = options.thresholds;
  for (double target : options.targets) {
    const absl::StatusOr<OperatingPointRates> rates = MeasureOperatingPoint(distances, target);
    if (!rates.ok()) continue;  // absent, as the pairs cannot show it
    points.emplace_back(target, *rates);
    thresholds.push_back(rates->distance);
  }
  const Resamples resamples(pairs, ChooseEdges(distances, thresholds, kMostEdges), options.seed);

  for (const auto& [target, rates] : points) figures.targets.push_back(MeasureTarget(target, rates, resamples));
  for (double threshold : options.thresholds) {
    figures.thresholds.push_back(MeasureThreshold(threshold, distances, resamples, figures));
  }
  figures.best_accuracy = resamples.Percentiles(&ResampledBestAccuracy);
  figures.equal_error_rate = resamples.FigureOf(*EqualErrorRate(distances), &ResampledEqualErrorRate);
  figures.area_under_roc = resamples.FigureOf(*AreaUnderRoc(distances), &ResampledAreaUnderRoc);
  if (const absl::StatusOr<double> min_cllr = MinCllr(distances); min_cllr.ok()) {
    figures.min_cllr = resamples.FigureOf(*min_cllr, &ResampledMinCllr);
  }
  if (options.calibration.has_value()) {
    if (const absl::StatusOr<double> cllr = Cllr(*options.calibration, distances); cllr.ok()) {
      figures.cllr = MeasureCllr(*cllr, *options.calibration, resamples);
    }
  }
  return figures;
}

}  // namespace likeness
