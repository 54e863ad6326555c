// A fixed number of worker threads behind a bounded queue.
#ifndef LIKENESS_SERVER_RPC_WORK_POOL_H_
#define LIKENESS_SERVER_RPC_WORK_POOL_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace likeness {

// What a piece of work may wait for, and so which workers it gets.
enum class Lane {
  kVerify,   // nothing, as a rule
  kGallery,  // the gallery, always: workers of its own, so that one that hangs or takes long never stops the rest
};

// Thread-safe. Work of one lane is started in the order in which it was submitted. The workers of kGallery are of lower
// priority (polite_thread.h): where there are more threads than cores, somebody who is enrolled waits longer, and
// somebody who is verified does not.
class WorkPool {
 public:
  struct Options {
    int workers = 1;      // of kVerify, >= 1
    int queue_limit = 0;  // work that may wait while the workers are busy, >= 0
    // Told how much waits, after each change. Runs under the pool's lock: it must be quick.
    std::function<void(int64_t waiting)> on_depth = [](int64_t) {};
    int gallery_workers = 0;  // beside these; 0: half as many, and at least one
  };

  explicit WorkPool(Options options);
  // Runs what is queued, then ends the threads.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Hands `work` to a worker and returns true; returns false at once when the queue is full. Work of kGallery takes
  // half of the queue at most. What it throws is counted, and the worker goes on.
  [[nodiscard]] bool TrySubmit(Lane lane, absl::AnyInvocable<void()> work);
  [[nodiscard]] bool TrySubmit(absl::AnyInvocable<void()> work) { return TrySubmit(Lane::kVerify, std::move(work)); }

 private:
  struct LaneState {
    int workers;
    int running = 0;
    std::deque<absl::AnyInvocable<void()>> queue = {};

    // What waits, beside what an idle worker will take.
    int64_t waiting() const { return std::max<int64_t>(0, running + static_cast<int64_t>(queue.size()) - workers); }
  };

  void RunWorker(Lane lane);
  bool IsFull(Lane lane) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  LaneState& StateOf(Lane lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return lane == Lane::kVerify ? verify_ : gallery_;
  }
  void TellDepth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  absl::Mutex mutex_;
  LaneState verify_ ABSL_GUARDED_BY(mutex_);
  LaneState gallery_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_WORK_POOL_H_
