// Makes guessing dear: after several faces in a row that were not a person's, the next ones have to wait.
#ifndef LIKENESS_SERVER_ACCESS_MISMATCH_GUARD_H_
#define LIKENESS_SERVER_ACCESS_MISMATCH_GUARD_H_

#include <functional>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/hashing/person_key.h"

namespace likeness {

struct MismatchOptions {
  int free = 0;  // mismatches in a row that cost nothing; 0: all of them
  // What the next one costs; each after it costs twice as much, up to `longest`.
  absl::Duration delay = absl::Seconds(1);
  absl::Duration longest = absl::Minutes(5);
};

// Thread-safe. Counts in this server only, for the 100,000 persons who did not match last, and forgets a person's
// mismatches after an hour without one.
class MismatchGuard {
 public:
  MismatchGuard(MismatchOptions options, std::function<absl::Time()> now);

  // Before a face is compared: TOO_MANY_MISMATCHES, with the time to wait, or OK. While a person's faces have to wait
  // one is let in at a time, whatever becomes of it.
  absl::Status Check(absl::string_view person_id);
  // After it was: a match ends the row.
  void Note(absl::string_view person_id, bool matched);

 private:
  struct Row {
    PersonKey person;
    int mismatches = 0;
    absl::Time next;  // when the next face is looked at
    absl::Time last;  // mismatch
  };
  using Rows = std::list<Row>;  // the last to mismatch first

  absl::Duration DelayAfter(int mismatches) const;

  const MismatchOptions options_;
  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  Rows rows_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<PersonKey, Rows::iterator> by_person_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_MISMATCH_GUARD_H_
