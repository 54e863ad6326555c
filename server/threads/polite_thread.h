// A thread that leaves the processor to the calls.
#ifndef LIKENESS_SERVER_THREADS_POLITE_THREAD_H_
#define LIKENESS_SERVER_THREADS_POLITE_THREAD_H_

#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace likeness {

// Runs on a low scheduling priority what others wait for. Thread-safe.
class PoliteThread {
 public:
  PoliteThread();
  // Nobody may wait any more.
  ~PoliteThread();

  // Runs `work` on the thread, in the order of the calls, and returns when it is done; INTERNAL where it throws.
  absl::Status Run(absl::FunctionRef<void()> work);

 private:
  struct Entry {
    absl::FunctionRef<void()> work;
    absl::Status outcome = {};
    bool done = false;
  };

  void RunEntries();
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  absl::Mutex mutex_;
  std::deque<Entry*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Lowers the scheduling priority of the calling thread, and of those that it starts, for good. Beside a thread of
// normal priority on one core it gets about a quarter (kModest) or a thirtieth (kLow) of the time.
enum class Politeness { kModest, kLow };
void LowerThisThreadsPriority(Politeness politeness);

}  // namespace likeness

#endif  // LIKENESS_SERVER_THREADS_POLITE_THREAD_H_
