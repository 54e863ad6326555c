#include "server/gallery/reference_cache.h"

#include <algorithm>
#include <utility>

namespace likeness {

ReferenceCache::ReferenceCache(int64_t capacity) : capacity_(capacity) {}

References ReferenceCache::Find(absl::string_view person_id, uint64_t* ticket) {
  const PersonKey person = PersonKeyOf(person_id);
  absl::MutexLock lock(&mutex_);
  *ticket = invalidations_[GroupOf(person)];
  const auto found = by_person_.find(person);
  // No two ids are known to share a key, but a face must not be held against somebody else's whoever finds them.
  if (found == by_person_.end() || found->second->person_id != person_id) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->references;
}

void ReferenceCache::Insert(absl::string_view person_id, References references, uint64_t ticket) {
  const PersonKey person = PersonKeyOf(person_id);
  const int64_t weight = Weight(references);
  absl::MutexLock lock(&mutex_);
  if (weight > capacity_ || invalidations_[GroupOf(person)] != ticket) return;
  if (const auto found = by_person_.find(person); found != by_person_.end()) Remove(found->second);
  while (size_ + weight > capacity_) Remove(std::prev(entries_.end()));
  entries_.push_front({person, std::string(person_id), std::move(references)});
  by_person_[person] = entries_.begin();
  size_ += weight;
}

void ReferenceCache::Invalidate(const PersonKey& person) {
  absl::MutexLock lock(&mutex_);
  ++invalidations_[GroupOf(person)];
  if (const auto found = by_person_.find(person); found != by_person_.end()) Remove(found->second);
}

void ReferenceCache::InvalidateAll() {
  absl::MutexLock lock(&mutex_);
  for (uint64_t& invalidations : invalidations_) ++invalidations;
  entries_.clear();
  by_person_.clear();
  size_ = 0;
}

int64_t ReferenceCache::size() const {
  absl::MutexLock lock(&mutex_);
  return size_;
}

int64_t ReferenceCache::Weight(const References& references) {
  return std::max<int64_t>(1, static_cast<int64_t>(references->size()));
}

size_t ReferenceCache::GroupOf(const PersonKey& person) { return (person[0] << 8 | person[1]) % kGroups; }

void ReferenceCache::Remove(Entries::iterator entry) {
  size_ -= Weight(entry->references);
  by_person_.erase(entry->person);
  entries_.erase(entry);
}

}  // namespace likeness
