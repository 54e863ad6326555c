// Measured pairs of photos that know whose photos they are.
#ifndef LIKENESS_SERVER_STATISTICS_PEOPLE_PAIRS_H_
#define LIKENESS_SERVER_STATISTICS_PEOPLE_PAIRS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/verification/accuracy.h"

namespace likeness {

// The distance between photos of two people, or of one. What a pair without a distance counts as is said in accuracy.h:
// a genuine one lies at +infinity, an impostor one at −infinity.
struct PeoplePair {
  double distance = 0;
  uint32_t person_a = 0;
  uint32_t person_b = 0;

  bool genuine() const { return person_a == person_b; }
};

struct PeoplePairs {
  std::vector<PeoplePair> pairs;
  size_t people = 0;  // every person's number is below it
};

// All pairs among the photos, of which photo i shows `person_of[i]`, in the order of the photos; their distances are 0.
PeoplePairs AllPairs(const std::vector<uint32_t>& person_of, size_t people);

// Numbers the people anew, in the order in which they are met, so that nobody who is in no pair is resampled.
void NumberPeople(PeoplePairs& pairs);

// Without the impostor pairs that have no distance, each list ascending.
PairDistances SortedDistances(const PeoplePairs& pairs);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_PEOPLE_PAIRS_H_
