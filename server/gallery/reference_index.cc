#include "server/gallery/reference_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "server/verification/distance.h"

namespace likeness {
namespace {

// In single precision: good enough to say which of many is the nearest, and twice as fast to read.
float SquaredDistance(const float* a, const float* b, size_t size) {
  // Several sums side by side, see EuclideanDistance().
  constexpr size_t kLanes = 16;
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float difference = a[i + lane] - b[i + lane];
      sums[lane] += difference * difference;
    }
  }
  float sum = 0;
  for (; i < size; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  for (float lane_sum : sums) sum += lane_sum;
  return sum;
}

}  // namespace

void ReferenceIndex::Reset(const ModelDigest& model) {
  RemoveWhere([](const Row&) { return true; });
  *this = ReferenceIndex();
  model_ = model;
}

void ReferenceIndex::Add(const NumberedEmbedding& reference, std::optional<double> crowding) {
  last_number_ = reference.number;
  if (reference.values.empty()) return;
  if (width_ == 0) width_ = reference.values.size();
  if (reference.values.size() != width_) return;
  rows_.push_back({PersonKeyOf(reference.person_id), reference.person_id, reference.reference_id, crowding});
  if (values_.size() + width_ > values_.capacity()) {
    // Vectors leave copies behind where they grow.
    std::vector<float> larger;
    larger.reserve(std::max(2 * values_.capacity(), 64 * width_));
    larger.assign(values_.begin(), values_.end());
    std::fill(values_.begin(), values_.end(), 0.0F);
    values_ = std::move(larger);
  }
  values_.insert(values_.end(), reference.values.begin(), reference.values.end());
}

void ReferenceIndex::RemovePerson(const PersonKey& person) {
  RemoveWhere([&person](const Row& row) { return row.person == person; });
}

void ReferenceIndex::RemoveReference(const PersonKey& person, absl::string_view reference_id) {
  RemoveWhere(
      [&person, reference_id](const Row& row) { return row.reference_id == reference_id && row.person == person; });
}

std::optional<NearestPerson> ReferenceIndex::FindNearest(absl::Span<const float> probe,
                                                         absl::string_view except_person_id) const {
  if (probe.size() != width_) return std::nullopt;
  float least = std::numeric_limits<float>::infinity();
  size_t nearest = rows_.size();
  for (size_t row = 0; row < rows_.size(); ++row) {
    const float distance = std::sqrt(SquaredDistance(probe.data(), values_.data() + row * width_, width_));
    // What the probe's own crowding adds is the same for all.
    const float rank = distance - static_cast<float>(rows_[row].crowding.value_or(0) / 2);
    // Ids are looked at only where it matters.
    if (rank < least && rows_[row].person_id != except_person_id) {
      least = rank;
      nearest = row;
    }
  }
  if (nearest == rows_.size()) return std::nullopt;
  return NearestPerson{rows_[nearest].person_id, EuclideanDistance(probe, ValuesOf(nearest)), rows_[nearest].crowding};
}

template <typename Condition>
void ReferenceIndex::RemoveWhere(Condition condition) {
  size_t row = 0;
  while (row < rows_.size()) {
    if (!condition(rows_[row])) {
      ++row;
      continue;
    }
    // The last one takes its place.
    const auto last = values_.end() - static_cast<std::ptrdiff_t>(width_);
    if (row + 1 < rows_.size()) {
      rows_[row] = std::move(rows_.back());
      std::copy(last, values_.end(), values_.begin() + static_cast<std::ptrdiff_t>(row * width_));
    }
    std::fill(last, values_.end(), 0.0F);
    values_.erase(last, values_.end());
    rows_.pop_back();
  }
}

}  // namespace likeness
