// A fixed number of worker threads behind a bounded queue.
#ifndef LIKENESS_SERVER_RPC_WORK_POOL_H_
#define LIKENESS_SERVER_RPC_WORK_POOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace likeness {

// Thread-safe. Work is started in the order in which it was submitted.
class WorkPool {
 public:
  struct Options {
    int workers = 1;      // >= 1
    int queue_limit = 0;  // work that may wait while all workers are busy, >= 0
    // Told how much waits, after each change. Runs under the pool's lock: it must be quick.
    std::function<void(int64_t waiting)> on_depth = [](int64_t) {};
  };

  explicit WorkPool(Options options);
  // Runs what is queued, then ends the threads.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Hands `work` to a worker and returns true; returns false at once when the queue is full. What it throws is counted,
  // and the worker goes on.
  [[nodiscard]] bool TrySubmit(absl::AnyInvocable<void()> work);

 private:
  void RunWorker();
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !queue_.empty() || stopping_; }

  const Options options_;
  absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  int idle_workers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_WORK_POOL_H_
