// The time that a batch waits by; a test brings its own.
#ifndef LIKENESS_SERVER_EMBEDDING_BATCH_CLOCK_H_
#define LIKENESS_SERVER_EMBEDDING_BATCH_CLOCK_H_

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace likeness {

// Thread-safe.
class BatchClock {
 public:
  virtual ~BatchClock() = default;
  virtual absl::Time Now() const = 0;
  // Waits, as Mutex::AwaitWithDeadline() does, until `condition` holds or `deadline` has come.
  virtual void AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline)
      ABSL_SHARED_LOCKS_REQUIRED(mutex) = 0;
};

class RealBatchClock : public BatchClock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  void AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) override {
    mutex.AwaitWithDeadline(condition, deadline);
  }
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_EMBEDDING_BATCH_CLOCK_H_
