#include "server/gallery/reference_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/barrier.h"

namespace likeness {
namespace {

References Some(int count) {
  return std::make_shared<const std::vector<ReferenceEmbedding>>(static_cast<size_t>(count));
}

// Looks for the person as a reader does, and brings `count` references after a miss. True for a hit.
bool Look(ReferenceCache& cache, const std::string& person_id, int count) {
  uint64_t ticket = 0;
  if (cache.Find(person_id, &ticket) != nullptr) return true;
  cache.Insert(person_id, Some(count), ticket);
  return false;
}

bool Holds(ReferenceCache& cache, const std::string& person_id) {
  uint64_t ticket = 0;
  return cache.Find(person_id, &ticket) != nullptr;
}

TEST(ReferenceCacheTest, ReturnsWhatWasInserted) {
  ReferenceCache cache(10);
  uint64_t ticket = 0;
  EXPECT_EQ(cache.Find("ada", &ticket), nullptr);
  const References references = Some(3);
  cache.Insert("ada", references, ticket);
  EXPECT_EQ(cache.Find("ada", &ticket), references);
  EXPECT_EQ(cache.size(), 3);
  EXPECT_FALSE(Holds(cache, "bob"));
}

TEST(ReferenceCacheTest, NeverHoldsMoreReferencesThanItMay) {
  ReferenceCache cache(10);
  for (int i = 0; i < 100; ++i) {
    Look(cache, absl::StrCat("person ", i), i % 7);
    EXPECT_LE(cache.size(), 10);
  }
}

TEST(ReferenceCacheTest, DropsThePersonNotLookedAtForLongest) {
  ReferenceCache cache(3);
  Look(cache, "a", 1);
  Look(cache, "b", 1);
  Look(cache, "c", 1);
  EXPECT_TRUE(Look(cache, "a", 1));  // now b is the oldest
  Look(cache, "d", 1);
  EXPECT_FALSE(Holds(cache, "b"));
  EXPECT_TRUE(Holds(cache, "a"));
  EXPECT_TRUE(Holds(cache, "c"));
  EXPECT_TRUE(Holds(cache, "d"));
}

TEST(ReferenceCacheTest, DropsAsManyPersonsAsANewOneNeeds) {
  ReferenceCache cache(4);
  for (const char* id : {"a", "b", "c", "d"}) Look(cache, id, 1);
  Look(cache, "e", 3);
  EXPECT_EQ(cache.size(), 4);
  EXPECT_TRUE(Holds(cache, "d"));
  EXPECT_TRUE(Holds(cache, "e"));
}

TEST(ReferenceCacheTest, DoesNotKeepAPersonWithMoreReferencesThanItMayHold) {
  ReferenceCache cache(3);
  Look(cache, "a", 1);
  Look(cache, "b", 4);
  EXPECT_FALSE(Holds(cache, "b"));
  EXPECT_TRUE(Holds(cache, "a")) << "dropped in vain";
}

TEST(ReferenceCacheTest, CountsAPersonWithoutReferencesAsOne) {
  ReferenceCache cache(2);
  for (const char* id : {"a", "b", "c"}) Look(cache, id, 0);
  EXPECT_EQ(cache.size(), 2);
}

TEST(ReferenceCacheTest, KeepsNothingWhenItMayHoldNothing) {
  ReferenceCache cache(0);
  Look(cache, "a", 0);
  Look(cache, "b", 1);
  EXPECT_FALSE(Holds(cache, "a"));
  EXPECT_EQ(cache.size(), 0);
}

TEST(ReferenceCacheTest, ReplacesWhatAnotherReaderBroughtFirst) {
  ReferenceCache cache(10);
  uint64_t first = 0, second = 0;
  cache.Find("a", &first);
  cache.Find("a", &second);
  cache.Insert("a", Some(4), first);
  cache.Insert("a", Some(4), second);
  EXPECT_EQ(cache.size(), 4);
}

TEST(ReferenceCacheTest, ForgetsAPersonWhoChanged) {
  ReferenceCache cache(10);
  Look(cache, "a", 2);
  Look(cache, "b", 3);
  cache.Invalidate("a");
  EXPECT_FALSE(Holds(cache, "a"));
  EXPECT_TRUE(Holds(cache, "b"));
  EXPECT_EQ(cache.size(), 3);
}

// The race: a reader misses and reads the store; the person changes; the reader brings what is stale now.
TEST(ReferenceCacheTest, TakesNothingThatWasReadBeforeAChange) {
  ReferenceCache cache(10);
  uint64_t ticket = 0;
  cache.Find("a", &ticket);
  const References stale = Some(1);
  cache.Invalidate("a");
  cache.Insert("a", stale, ticket);
  EXPECT_FALSE(Holds(cache, "a"));
  // A reader who comes after the change is heard again.
  Look(cache, "a", 2);
  EXPECT_TRUE(Holds(cache, "a"));
}

TEST(ReferenceCacheTest, LeavesAReaderWhatItHasInHandWhenItIsDropped) {
  ReferenceCache cache(10);
  Look(cache, "a", 2);
  uint64_t ticket = 0;
  const References held = cache.Find("a", &ticket);
  cache.Invalidate("a");
  EXPECT_EQ(held->size(), 2u);
}

// The number of a person's references stands for the version of them in the store. It grows, and the writer invalidates
// after each change, so nobody may find an older version than the last one that was answered before the look.
TEST(ReferenceCacheTest, NeverServesAStalePersonToManyThreads) {
  constexpr int kReaders = 3, kChanges = 500;
  ReferenceCache cache(10 * kChanges);
  std::atomic<int> stored = 1;
  std::atomic<int> answered = 1;
  auto* barrier = new absl::Barrier(kReaders + 1);
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    if (barrier->Block()) delete barrier;
    for (int change = 2; change < kChanges; ++change) {
      stored = change;
      cache.Invalidate("ada");
      answered = change;
    }
  });
  for (int reader = 0; reader < kReaders; ++reader) {
    threads.emplace_back([&] {
      if (barrier->Block()) delete barrier;
      while (answered < kChanges - 1) {
        const int answered_before = answered;
        uint64_t ticket = 0;
        const References found = cache.Find("ada", &ticket);
        if (found == nullptr) {
          cache.Insert("ada", Some(stored), ticket);
        } else {
          EXPECT_GE(static_cast<int>(found->size()), answered_before);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace likeness
