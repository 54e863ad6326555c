#include "server/gallery/reference_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "server/verification/distance.h"
#include "server/verification/wide_vectors.h"

namespace likeness {
namespace {

// In single precision: good enough to say which of many is the nearest, and twice as fast to read.
LIKENESS_WIDE_VECTORS float SquaredDistance(const float* a, const float* b, size_t size) {
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
  for (Block& block : blocks_) std::fill(block.values.begin(), block.values.end(), 0.0F);
  *this = ReferenceIndex();
  model_ = model;
}

void ReferenceIndex::GoBackTo(int64_t number) { last_number_ = std::min(last_number_, number); }

void ReferenceIndex::Add(NumberedEmbedding reference) {
  last_number_ = std::max(last_number_, reference.number);
  if (reference.values.empty()) return;
  if (width_ == 0) width_ = reference.values.size();
  if (reference.values.size() != width_) return;
  const PersonKey person = PersonKeyOf(reference.person_id);
  if (Holds(person, reference.number)) return;
  const size_t row = rows_.size();
  if (row % kRowsOfBlock == 0 && row / kRowsOfBlock == blocks_.size()) {
    blocks_.push_back({std::vector<float>(kRowsOfBlock * width_), std::vector<float>(kRowsOfBlock, NAN)});
  }
  rows_.push_back({person, reference.number, std::move(reference.person_id)});
  std::copy(reference.values.begin(), reference.values.end(), ValuesOf(row));
  rows_of_[person].push_back(static_cast<uint32_t>(row));
}

void ReferenceIndex::Remove(const PersonKey& person, int64_t first, int64_t last) {
  while (true) {
    const auto found = rows_of_.find(person);
    if (found == rows_of_.end()) return;
    const auto row = std::find_if(found->second.begin(), found->second.end(), [&](uint32_t candidate) {
      return rows_[candidate].number >= first && rows_[candidate].number <= last;
    });
    if (row == found->second.end()) return;
    RemoveRow(*row);
  }
}

std::optional<int64_t> ReferenceIndex::FirstNumberOf(const PersonKey& person) const {
  const auto found = rows_of_.find(person);
  if (found == rows_of_.end()) return std::nullopt;
  int64_t first = kAll;
  for (const uint32_t row : found->second) first = std::min(first, rows_[row].number);
  return first;
}

bool ReferenceIndex::Holds(const PersonKey& person, int64_t number) const {
  const auto found = rows_of_.find(person);
  return found != rows_of_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                [&](uint32_t row) { return rows_[row].number == number; });
}

void ReferenceIndex::RemoveRow(size_t row) {
  const size_t last = rows_.size() - 1;
  const auto of_person = rows_of_.find(rows_[row].person);
  auto& places = of_person->second;
  places.erase(std::find(places.begin(), places.end(), row));
  if (places.empty()) rows_of_.erase(of_person);
  if (row != last) {
    // The last one takes its place.
    auto& places_of_last = rows_of_.find(rows_[last].person)->second;
    *std::find(places_of_last.begin(), places_of_last.end(), last) = static_cast<uint32_t>(row);
    rows_[row] = std::move(rows_[last]);
    std::copy_n(ValuesOf(last), width_, ValuesOf(row));
    CrowdingOf(row) = CrowdingOf(last);
  }
  std::fill_n(ValuesOf(last), width_, 0.0F);
  CrowdingOf(last) = NAN;
  rows_.pop_back();
  if (rows_.size() + 2 * kRowsOfBlock <= blocks_.size() * kRowsOfBlock) blocks_.pop_back();  // one stays in reserve
}

float ReferenceIndex::CrowdingOf(size_t row, const Cohort& cohort) const {
  // Another search may measure the same one at the same time, and finds the same.
  const std::atomic_ref<float> kept(const_cast<ReferenceIndex*>(this)->CrowdingOf(row));
  float crowding = kept.load(std::memory_order_relaxed);
  if (std::isnan(crowding)) {
    crowding = static_cast<float>(cohort.Crowding(absl::MakeSpan(ValuesOf(row), width_)));
    kept.store(crowding, std::memory_order_relaxed);
  }
  return crowding;
}

std::optional<NearestPerson> ReferenceIndex::FindNearest(absl::Span<const float> probe,
                                                         absl::string_view except_person_id,
                                                         const Cohort* cohort) const {
  if (probe.size() != width_) return std::nullopt;
  const float most_crowding = cohort == nullptr ? 0 : static_cast<float>(cohort->cap());
  float least = std::numeric_limits<float>::infinity();
  size_t nearest = rows_.size();
  for (size_t row = 0; row < rows_.size(); ++row) {
    const float distance = std::sqrt(SquaredDistance(probe.data(), ValuesOf(row), width_));
    // Most are too far away for anything else to matter.
    if (!(distance - most_crowding / 2 < least)) continue;
    const float rank = cohort == nullptr ? distance : distance - CrowdingOf(row, *cohort) / 2;
    if (rank < least && rows_[row].person_id != except_person_id) {
      least = rank;
      nearest = row;
    }
  }
  if (nearest == rows_.size()) return std::nullopt;
  const absl::Span<const float> reference = absl::MakeSpan(ValuesOf(nearest), width_);
  return NearestPerson{rows_[nearest].person_id, EuclideanDistance(probe, reference),
                       cohort == nullptr ? std::nullopt : std::optional(cohort->Crowding(reference))};
}

}  // namespace likeness
