// Bounds how many wrong faces may be tried at a person, so that nobody finds one by trying.
//
// Three budgets, each of so many mismatches an hour: of a caller with a person, of a person with all callers, and of a
// caller with all people. Each is a generic cell rate algorithm (ITU-T I.371): an hour's mismatches may come at once,
// and then one in each hour's share. A match costs nothing and gives nothing back, so that matches of one's own face
// buy no guesses. A caller's budget with a person is the smaller one, and fills no faster, so that a caller who tries
// wrong faces at somebody is stopped before that slows the others who verify the same person.
//
//   absl::StatusOr<MismatchBudget::Look> look = budget.Begin(caller, person_id);
//   if (!look.ok()) return look.status();
//   ... compare ...
//   if (!matched) look->Count();
#ifndef LIKENESS_SERVER_ACCESS_MISMATCH_BUDGET_H_
#define LIKENESS_SERVER_ACCESS_MISMATCH_BUDGET_H_

#include <array>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/access/caller.h"
#include "server/access/mismatch_ledger.h"

namespace likeness {

// Mismatches an hour; 0: any number.
struct MismatchLimits {
  int64_t caller_and_person = 0;
  int64_t person = 0;  // 0, or more than caller_and_person
  int64_t caller = 0;  // of callers whose tokens have no other (CallerLimits)

  // What is asked of a server with tokens, unless it is told otherwise.
  static MismatchLimits Standard() { return {.caller_and_person = 10, .person = 40, .caller = 600}; }
};

// Thread-safe. Counts on this server by a steady clock, whatever the time of day does, and writes every mismatch to the
// ledger before its answer leaves, unless the ledger takes longer than a moment: then it is written later, so that a
// database that is slow or away stops no verification. What other servers write it hears within a second, and when it
// writes itself: each other server may let in one more look than the budget has.
class MismatchBudget {
 public:
  // A face that is being compared with a person. Counts as a mismatch until it ends, so that many at once are no more
  // than many in a row. Not thread-safe. Must not outlive the budget.
  class Look {
   public:
    Look(Look&& other) noexcept : budget_(other.budget_), entries_(other.entries_) { other.budget_ = nullptr; }
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;
    // Ends it without a trace, unless it was counted.
    ~Look();

    // It was not the person's face. To be called before that is answered.
    void Count();

   private:
    friend class MismatchBudget;
    struct Entry {
      MismatchKey key{};
      absl::Duration cost;  // of a mismatch; 0: any number
    };
    using Entries = std::array<Entry, 3>;
    Look(MismatchBudget* budget, const Entries& entries) : budget_(budget), entries_(entries) {}

    MismatchBudget* budget_;
    Entries entries_;
  };

  // Counts nothing, and stops nobody.
  MismatchBudget() : MismatchBudget({}, nullptr, absl::Now) {}
  // `ledger` must outlive it; null: nothing is kept. `steady_now` never goes back or jumps.
  MismatchBudget(const MismatchLimits& limits, MismatchLedger* ledger, std::function<absl::Time()> steady_now);
  // Writes what has not been written.
  ~MismatchBudget();

  // Before a face is compared: TOO_MANY_MISMATCHES, with the time to wait, where a budget is used up.
  absl::StatusOr<Look> Begin(const Caller& caller, absl::string_view person_id);
  // Likewise, for a look at nobody in particular, which costs the caller only.
  absl::StatusOr<Look> Begin(const Caller& caller);

 private:
  struct Account {
    absl::Time until;  // when its mismatches are forgotten
    int64_t looks = 0;
  };

  absl::StatusOr<Look> Begin(const Look::Entries& entries);
  Look::Entry EntryOf(absl::string_view kind, absl::string_view caller, absl::string_view person_id,
                      int64_t hourly) const;
  void Count(const Look::Entries& entries);
  void End(const Look::Entries& entries);
  void DropForgotten() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Of the writer's thread.
  void Write();
  absl::Status WriteOnce();
  absl::Status ReadOnce(int64_t& mark);
  void Merge(absl::Span<const MismatchDebt> debts);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !unwritten_.empty(); }

  const MismatchLimits limits_;
  MismatchLedger* const ledger_;
  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  absl::flat_hash_map<MismatchKey, Account> accounts_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<MismatchKey, absl::Duration> unwritten_ ABSL_GUARDED_BY(mutex_);
  int64_t counted_ ABSL_GUARDED_BY(mutex_) = 0;  // mismatches
  int64_t written_ ABSL_GUARDED_BY(mutex_) = 0;  // of these
  bool behind_ ABSL_GUARDED_BY(mutex_) = false;  // the ledger is slow or fails: nobody waits for it
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread writer_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_MISMATCH_BUDGET_H_
