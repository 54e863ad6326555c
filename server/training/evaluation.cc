#include "server/training/evaluation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "server/errors/errors.h"
#include "server/training/bootstrap.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr size_t kMaxBins = 512;
constexpr double kBinsInMargin = 100;
constexpr size_t kExamplesOfAKind = 8;

// The photos of each person, people in the order of their numbers.
std::vector<std::vector<size_t>> PhotosByPerson(absl::Span<const int> people) {
  std::map<int, std::vector<size_t>> photos;
  for (size_t photo = 0; photo < people.size(); ++photo) photos[people[photo]].push_back(photo);
  std::vector<std::vector<size_t>> by_person;
  for (auto& [person, of_person] : photos) by_person.push_back(std::move(of_person));
  return by_person;
}

absl::StatusOr<SortedPeoplePairs> MeasureAllPairs(absl::Span<const std::vector<float>> embeddings,
                                                  const std::vector<std::vector<size_t>>& photos) {
  std::vector<uint32_t> person_of(embeddings.size());
  SortedPeoplePairs pairs;
  for (size_t person = 0; person < photos.size(); ++person) {
    pairs.photos_of.push_back(photos[person].size());
    for (size_t photo : photos[person]) person_of[photo] = static_cast<uint32_t>(person);
  }
  for (size_t a = 0; a < embeddings.size(); ++a) {
    for (size_t b = a + 1; b < embeddings.size(); ++b) {
      const double distance = EuclideanDistance(embeddings[a], embeddings[b]);
      if (!std::isfinite(distance)) {
        return MakeError(Reason::NETWORK_FAILED, "the distance between two strangers' photos is not a number");
      }
      auto& kind = person_of[a] == person_of[b] ? pairs.genuine : pairs.impostor;
      kind.push_back({distance, person_of[a], person_of[b]});
    }
  }
  const auto nearer = [](const PeoplePair& x, const PeoplePair& y) { return x.distance < y.distance; };
  std::sort(pairs.genuine.begin(), pairs.genuine.end(), nearer);
  std::sort(pairs.impostor.begin(), pairs.impostor.end(), nearer);
  return pairs;
}

std::vector<double> DistancesOf(const std::vector<PeoplePair>& pairs) {
  std::vector<double> distances;
  distances.reserve(pairs.size());
  for (const PeoplePair& pair : pairs) distances.push_back(pair.distance);
  return distances;
}

std::vector<IntervalledRates> MeasureRates(const PairDistances& distances, const SortedPeoplePairs& pairs,
                                           const EvaluationOptions& options) {
  std::vector<IntervalledRates> rates;
  for (double target : options.target_false_match_rates) {
    const absl::StatusOr<OperatingPointRates> measured = MeasureOperatingPoint(distances, target);
    if (!measured.ok()) continue;  // absent, as the pairs cannot show it
    const double rate = measured->false_non_match_rate;
    const Interval interval = BootstrapFalseNonMatchRate(pairs, target, options.seed).value_or(Interval{rate, rate});
    rates.push_back({target, *measured, std::min(interval.low, rate), std::max(interval.high, rate)});
  }
  return rates;
}

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
  const absl::StatusOr<SortedPeoplePairs> pairs = MeasureAllPairs(embeddings, photos);
  if (!pairs.ok()) return pairs.status();
  const PairDistances distances = {DistancesOf(pairs->genuine), DistancesOf(pairs->impostor)};

  Evaluation evaluation;
  evaluation.genuine_pairs = static_cast<int64_t>(distances.genuine.size());
  evaluation.impostor_pairs = static_cast<int64_t>(distances.impostor.size());
  AddHistograms(distances, options.margin / kBinsInMargin, evaluation);
  evaluation.examples = ChooseExamples(embeddings, photos);
  if (distances.genuine.empty() || distances.impostor.empty()) return evaluation;
  const absl::StatusOr<double> equal_error_rate = EqualErrorRate(distances);
  if (!equal_error_rate.ok()) return equal_error_rate.status();
  const absl::StatusOr<double> area_under_roc = AreaUnderRoc(distances);
  if (!area_under_roc.ok()) return area_under_roc.status();
  evaluation.equal_error_rate = *equal_error_rate;
  evaluation.area_under_roc = *area_under_roc;
  evaluation.rates = MeasureRates(distances, *pairs, options);
  return evaluation;
}

}  // namespace likeness
