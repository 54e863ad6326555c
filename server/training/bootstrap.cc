#include "server/training/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "server/training/seeded_random.h"

namespace likeness {
namespace {

constexpr int kResamples = 200;
constexpr double kTail = 0.025;  // beyond either end of the interval

struct Weights {
  double genuine = 0;
  double impostor = 0;
};

Weights TotalWeights(absl::Span<const size_t> photos_of, absl::Span<const double> multiplicity) {
  double photos = 0;
  double squares = 0;
  Weights total;
  for (size_t person = 0; person < photos_of.size(); ++person) {
    const double count = static_cast<double>(photos_of[person]);
    total.genuine += multiplicity[person] * count * (count - 1) / 2;
    photos += multiplicity[person] * count;
    squares += std::pow(multiplicity[person] * count, 2);
  }
  total.impostor = (photos * photos - squares) / 2;
  return total;
}

std::vector<double> ResamplePeople(SeededRandom& random, size_t people) {
  std::vector<double> multiplicity(people);
  for (size_t i = 0; i < people; ++i) ++multiplicity[random.Below(people)];
  return multiplicity;
}

}  // namespace

std::optional<double> WeightedFalseNonMatchRate(const SortedPeoplePairs& pairs, absl::Span<const double> multiplicity,
                                                double target_false_match_rate) {
  const Weights total = TotalWeights(pairs.photos_of, multiplicity);
  if (total.genuine == 0 || total.impostor == 0) return std::nullopt;
  double matched = 0;
  const auto refused = std::find_if(pairs.impostor.begin(), pairs.impostor.end(), [&](const PeoplePair& pair) {
    matched += multiplicity[pair.person_a] * multiplicity[pair.person_b];
    return matched / total.impostor > target_false_match_rate;
  });
  if (refused == pairs.impostor.end()) return 0;
  // The threshold lies just below the first impostor pair that must be refused.
  auto pair = std::lower_bound(pairs.genuine.begin(), pairs.genuine.end(), refused->distance,
                               [](const PeoplePair& genuine, double distance) { return genuine.distance < distance; });
  double not_matched = 0;
  for (; pair != pairs.genuine.end(); ++pair) not_matched += multiplicity[pair->person_a];
  return not_matched / total.genuine;
}

std::optional<Interval> BootstrapFalseNonMatchRate(const SortedPeoplePairs& pairs, double target_false_match_rate,
                                                   uint64_t seed) {
  SeededRandom random(seed, RandomPurpose::kBootstrap);
  std::vector<double> rates;
  for (int i = 0; i < kResamples; ++i) {
    const std::vector<double> multiplicity = ResamplePeople(random, pairs.photos_of.size());
    const std::optional<double> rate = WeightedFalseNonMatchRate(pairs, multiplicity, target_false_match_rate);
    if (rate.has_value()) rates.push_back(*rate);
  }
  if (rates.empty()) return std::nullopt;
  std::sort(rates.begin(), rates.end());
  const auto below = static_cast<size_t>(std::floor(kTail * static_cast<double>(rates.size() - 1)));
  return Interval{rates[below], rates[rates.size() - 1 - below]};
}

}  // namespace likeness
