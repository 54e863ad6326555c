#include "server/training/average_linkage.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace likeness {

std::pair<std::vector<size_t>, std::vector<size_t>> DivideInTwo(const std::vector<size_t>& items,
                                                                absl::FunctionRef<double(size_t, size_t)> distance) {
  const size_t size = items.size();
  std::vector<std::vector<double>> between(size, std::vector<double>(size));  // mean distances of clusters
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < a; ++b) between[a][b] = between[b][a] = distance(items[a], items[b]);
  }
  std::vector<std::vector<size_t>> clusters;
  for (size_t item : items) clusters.push_back({item});
  std::vector<size_t> alive(size);
  std::iota(alive.begin(), alive.end(), size_t{0});
  while (alive.size() > 2) {
    double least = std::numeric_limits<double>::infinity();
    std::pair<size_t, size_t> nearest = {alive[0], alive[1]};
    for (size_t i = 0; i < alive.size(); ++i) {
      for (size_t j = i + 1; j < alive.size(); ++j) {
        if (between[alive[i]][alive[j]] >= least) continue;
        least = between[alive[i]][alive[j]];
        nearest = {alive[i], alive[j]};
      }
    }
    const auto [into, from] = nearest;
    const auto weight = static_cast<double>(clusters[into].size());
    const auto added = static_cast<double>(clusters[from].size());
    for (size_t other : alive) {
      between[into][other] = between[other][into] =
          (weight * between[into][other] + added * between[from][other]) / (weight + added);
    }
    clusters[into].insert(clusters[into].end(), clusters[from].begin(), clusters[from].end());
    alive.erase(std::find(alive.begin(), alive.end(), from));
  }
  std::vector<size_t>& first = clusters[alive[0]];
  std::vector<size_t>& second = clusters[alive[1]];
  if (second.size() > first.size()) std::swap(first, second);
  std::vector<bool> in_first(items.empty() ? 0 : *std::max_element(items.begin(), items.end()) + 1);
  for (size_t item : first) in_first[item] = true;
  std::pair<std::vector<size_t>, std::vector<size_t>> parts;
  for (size_t item : items) (in_first[item] ? parts.first : parts.second).push_back(item);
  return parts;
}

}  // namespace likeness
