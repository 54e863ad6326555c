// The confidence interval of a false non-match rate, bootstrapped over people: photos of one person are alike, so their
// pairs are no independent samples.
#ifndef LIKENESS_SERVER_TRAINING_BOOTSTRAP_H_
#define LIKENESS_SERVER_TRAINING_BOOTSTRAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace likeness {

// The distance between photos of two people, or of one.
struct PeoplePair {
  double distance = 0;  // finite
  uint32_t person_a = 0;
  uint32_t person_b = 0;
};

// All pairs among the photos of some people, each list ascending in distance.
struct SortedPeoplePairs {
  std::vector<PeoplePair> genuine;
  std::vector<PeoplePair> impostor;
  std::vector<size_t> photos_of;  // of each person, the number of photos
};

struct Interval {
  double low = 0;
  double high = 0;
};

// The false non-match rate at the largest threshold that keeps to the target, people weighing `multiplicity`: an
// impostor pair weighs the product of its two people's, a genuine pair its person's. Nothing where no genuine or no
// impostor pair has a weight.
std::optional<double> WeightedFalseNonMatchRate(const SortedPeoplePairs& pairs, absl::Span<const double> multiplicity,
                                                double target_false_match_rate);

// The 2.5 % and 97.5 % percentiles of WeightedFalseNonMatchRate() over 200 resamples of the people with replacement,
// those without a value left out; nothing where none has one. The same for the same seed. Pure, thread-safe.
std::optional<Interval> BootstrapFalseNonMatchRate(const SortedPeoplePairs& pairs, double target_false_match_rate,
                                                   uint64_t seed);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_BOOTSTRAP_H_
