#include "server/statistics/people_pairs.h"

#include <algorithm>
#include <limits>

namespace likeness {

PeoplePairs AllPairs(const std::vector<uint32_t>& person_of, size_t people) {
  PeoplePairs all{.pairs = {}, .people = people};
  if (person_of.size() > 1) all.pairs.reserve(person_of.size() * (person_of.size() - 1) / 2);
  for (size_t a = 0; a < person_of.size(); ++a) {
    for (size_t b = a + 1; b < person_of.size(); ++b) all.pairs.push_back({0, person_of[a], person_of[b]});
  }
  return all;
}

void NumberPeople(PeoplePairs& pairs) {
  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  std::vector<uint32_t> numbers(pairs.people, kNone);
  uint32_t people = 0;
  const auto number_of = [&](uint32_t person) {
    if (numbers[person] == kNone) numbers[person] = people++;
    return numbers[person];
  };
  for (PeoplePair& pair : pairs.pairs) {
    pair.person_a = number_of(pair.person_a);
    pair.person_b = number_of(pair.person_b);
  }
  pairs.people = people;
}

PairDistances SortedDistances(const PeoplePairs& pairs) {
  PairDistances distances;
  for (const PeoplePair& pair : pairs.pairs) {
    if (pair.genuine()) {
      distances.genuine.push_back(pair.distance);
    } else if (pair.distance != -std::numeric_limits<double>::infinity()) {
      distances.impostor.push_back(pair.distance);
    }
  }
  std::sort(distances.genuine.begin(), distances.genuine.end());
  std::sort(distances.impostor.begin(), distances.impostor.end());
  return distances;
}

}  // namespace likeness
