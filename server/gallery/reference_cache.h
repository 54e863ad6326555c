// The references of recently verified persons, in memory.
#ifndef LIKENESS_SERVER_GALLERY_REFERENCE_CACHE_H_
#define LIKENESS_SERVER_GALLERY_REFERENCE_CACHE_H_

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/hashing/person_key.h"
#include "server/verification/embedding.h"

namespace likeness {

using References = std::shared_ptr<const std::vector<ReferenceEmbedding>>;

// Thread-safe. Bounded by the number of references; the person not looked at for longest goes first.
//
// A reader that misses reads the store and brings what it read. Between the two, the person may have changed. So a
// lookup hands out a ticket, and a change of the person makes every earlier ticket for the person worthless:
//
//   uint64_t ticket;
//   References found = cache.Find(id, &ticket);
//   if (found == nullptr) cache.Insert(id, ReadStore(id), ticket);
class ReferenceCache {
 public:
  // Holds at most `capacity` references; 0 caches nothing. A person without any counts as one.
  explicit ReferenceCache(int64_t capacity);

  // The person's references, or null. Sets `ticket` for Insert().
  References Find(absl::string_view person_id, uint64_t* ticket);
  // Keeps the references, unless the person was invalidated since the ticket was handed out.
  void Insert(absl::string_view person_id, References references, uint64_t ticket);
  // Forgets the person; to be called after each change and before it is answered.
  void Invalidate(absl::string_view person_id) { Invalidate(PersonKeyOf(person_id)); }
  void Invalidate(const PersonKey& person);
  // Forgets everybody.
  void InvalidateAll();

  // References held.
  int64_t size() const;

 private:
  struct Entry {
    PersonKey person;
    std::string person_id;
    References references;
  };
  using Entries = std::list<Entry>;  // most recently used first

  // Invalidations are counted for groups of persons, by hash: rare needless misses, constant memory.
  static constexpr size_t kGroups = 1024;
  static int64_t Weight(const References& references);
  static size_t GroupOf(const PersonKey& person);
  void Remove(Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t capacity_;
  mutable absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<PersonKey, Entries::iterator> by_person_ ABSL_GUARDED_BY(mutex_);
  std::array<uint64_t, kGroups> invalidations_ ABSL_GUARDED_BY(mutex_){};
  int64_t size_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_REFERENCE_CACHE_H_
