#include "server/statistics/resampled_pairs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/statistics/seeded_random.h"

namespace likeness {
namespace {

// How often each person was drawn: a row for each person, in it a count for each resample. Nobody is drawn 255 times:
// the chance of even twenty times is below 1e-18.
std::vector<uint8_t> DrawPeople(size_t people, size_t resamples, uint64_t seed) {
  std::vector<uint8_t> drawn(people * resamples);
  SeededRandom random(seed, RandomPurpose::kBootstrap);
  for (size_t resample = 0; resample < resamples; ++resample) {
    for (size_t i = 0; i < people; ++i) {
      uint8_t& count = drawn[random.Below(people) * resamples + resample];
      if (count < 255) ++count;
    }
  }
  return drawn;
}

// Appends about `count` of the finite distances, at equal steps of rank.
void AddQuantiles(const std::vector<double>& sorted, size_t count, std::vector<double>& edges) {
  if (sorted.empty()) return;
  for (size_t i = 0; i < count; ++i) edges.push_back(sorted[i * (sorted.size() - 1) / (count - 1)]);
}

// Appends about `count` of the distances, at equal ratios of rank: the first, the second, …
void AddNearest(const std::vector<double>& sorted, size_t count, std::vector<double>& edges) {
  if (sorted.empty()) return;
  const double ratio = std::log(static_cast<double>(sorted.size())) / static_cast<double>(count);
  for (size_t i = 0; i < count; ++i) {
    edges.push_back(sorted[static_cast<size_t>(std::exp(ratio * static_cast<double>(i))) - 1]);
  }
}

void MakeFiniteAscendingAndDistinct(std::vector<double>& edges) {
  std::erase_if(edges, [](double edge) { return !std::isfinite(edge); });
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
}

}  // namespace

std::vector<double> ChooseEdges(const PairDistances& sorted, absl::Span<const double> thresholds, size_t at_most) {
  std::vector<double> edges(thresholds.begin(), thresholds.end());
  if (sorted.genuine.size() + sorted.impostor.size() <= at_most) {
    edges.insert(edges.end(), sorted.genuine.begin(), sorted.genuine.end());
    edges.insert(edges.end(), sorted.impostor.begin(), sorted.impostor.end());
  } else {
    AddQuantiles(sorted.genuine, at_most / 4, edges);
    AddQuantiles(sorted.impostor, at_most / 4, edges);
    AddNearest(sorted.impostor, at_most / 2, edges);
    for (const std::vector<double>* kind : {&sorted.genuine, &sorted.impostor}) {
      const auto finite_end = std::find_if(kind->rbegin(), kind->rend(), [](double d) { return std::isfinite(d); });
      if (finite_end != kind->rend()) edges.push_back(*finite_end);
    }
  }
  MakeFiniteAscendingAndDistinct(edges);
  return edges;
}

ResampledPairs::ResampledPairs(const PeoplePairs& pairs, std::vector<double> edges, size_t resamples, uint64_t seed)
    : edges_(std::move(edges)),
      resamples_(resamples),
      genuine_((edges_.size() + 1) * resamples),
      impostor_((edges_.size() + 1) * resamples) {
  const std::vector<uint8_t> drawn = DrawPeople(pairs.people, resamples, seed);
  for (const PeoplePair& pair : pairs.pairs) {
    const bool measured = std::isfinite(pair.distance);
    const auto edge = measured ? std::lower_bound(edges_.begin(), edges_.end(), pair.distance) : edges_.end();
    const size_t row = static_cast<size_t>(edge - edges_.begin()) * resamples_;
    const uint8_t* a = drawn.data() + pair.person_a * resamples_;
    const uint8_t* b = drawn.data() + pair.person_b * resamples_;
    uint32_t* counts = (pair.genuine() ? genuine_ : impostor_).data() + row;
    if (pair.genuine()) {
      for (size_t i = 0; i < resamples_; ++i) counts[i] += a[i];
    } else {
      for (size_t i = 0; i < resamples_; ++i) counts[i] += static_cast<uint32_t>(a[i]) * b[i];
    }
  }
}

ResampledCounts ResampledPairs::Counts(size_t resample) const {
  const auto at = [&](const Table& table, size_t row) { return table[row * resamples_ + resample]; };
  ResampledCounts counts;
  counts.genuine.reserve(edges_.size());
  counts.impostor.reserve(edges_.size());
  for (size_t row = 0; row < edges_.size(); ++row) {
    counts.genuine.push_back(counts.all_genuine += at(genuine_, row));
    counts.impostor.push_back(counts.all_impostor += at(impostor_, row));
  }
  counts.all_genuine += at(genuine_, edges_.size());
  counts.failed_impostor = at(impostor_, edges_.size());
  counts.all_impostor += counts.failed_impostor;
  return counts;
}

}  // namespace likeness
