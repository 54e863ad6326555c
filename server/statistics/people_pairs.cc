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
