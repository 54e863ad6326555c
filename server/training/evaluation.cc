#include "server/training/evaluation.h"

#include <algorithm>
#include <utility>

#include "server/errors/errors.h"
#include "server/statistics/people_pairs.h"
#include "server/training/embedding_pairs.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr size_t kMaxBins = 512;
constexpr double kBinsInMargin = 100;
constexpr size_t kExamplesOfAKind = 8;

size_t BinOf(double distance, double bin_width) {
  return static_cast<size_t>(std::min(distance / bin_width, static_cast<double>(kMaxBins - 1)));
}

std::vector<int64_t> Histogram(absl::Span<const double> distances, double bin_width, size_t bins) {
  std::vector<int64_t> histogram(bins);
  for (double distance : distances) ++histogram[BinOf(distance, bin_width)];
  return histogram;
}

void AddHistograms(const PairDistances& distances, double bin_width, Evaluation& evaluation) {
  size_t bins = 0;
  for (const std::vector<double>* kind : {&distances.genuine, &distances.impostor}) {
    if (!kind->empty()) bins = std::max(bins, BinOf(kind->back(), bin_width) + 1);  // they ascend
  }
  evaluation.bin_width = bin_width;
  evaluation.genuine_histogram = Histogram(distances.genuine, bin_width, bins);
  evaluation.impostor_histogram = Histogram(distances.impostor, bin_width, bins);
}

// The first two photos of a person, and the first photos of neighbours.
std::vector<PairExample> ChooseExamples(absl::Span<const std::vector<float>> embeddings,
                                        const std::vector<std::vector<size_t>>& photos) {
  std::vector<PairExample> genuine;
  std::vector<PairExample> impostor;
  const auto add = [&](size_t a, size_t b, std::vector<PairExample>& kind) {
    if (kind.size() == kExamplesOfAKind) return;
    kind.push_back({a, b, &kind == &genuine, EuclideanDistance(embeddings[a], embeddings[b])});
  };
  for (size_t person = 0; person < photos.size(); ++person) {
    if (photos[person].size() >= 2) add(photos[person][0], photos[person][1], genuine);
    if (person > 0) add(photos[person - 1][0], photos[person][0], impostor);
  }
  genuine.insert(genuine.end(), impostor.begin(), impostor.end());
  return genuine;
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                    const EvaluationOptions& options) {
  if (embeddings.size() != people.size()) {
    return MakeError(Reason::INTERNAL, "there is not one person for each embedding to evaluate");
  }
  const std::vector<std::vector<size_t>> photos = PhotosByPerson(people);
  const absl::StatusOr<PeoplePairs> pairs = PairsAmong(embeddings, people, options.cohort);
  if (!pairs.ok()) return pairs.status();
  const PairDistances distances = SortedDistances(*pairs);

  Evaluation evaluation;
  evaluation.genuine_pairs = static_cast<int64_t>(distances.genuine.size());
  evaluation.impostor_pairs = static_cast<int64_t>(distances.impostor.size());
  AddHistograms(distances, options.margin / kBinsInMargin, evaluation);
  evaluation.examples = ChooseExamples(embeddings, photos);
  if (distances.genuine.empty() || distances.impostor.empty()) return evaluation;
  absl::StatusOr<BundleMeasurements> measurements = MeasureForBundle({{"", *pairs}}, options.source, options.seed);
  if (!measurements.ok()) return measurements.status();
  evaluation.measurements = *std::move(measurements);
  const absl::StatusOr<Figures> figures =
      MeasureFigures(*pairs, {.targets = options.target_false_match_rates, .seed = options.seed});
  if (!figures.ok()) return figures.status();
  evaluation.equal_error_rate = figures->equal_error_rate->value;
  evaluation.area_under_roc = figures->area_under_roc->value;
  evaluation.rates = figures->targets;
  return evaluation;
}

}  // namespace likeness
