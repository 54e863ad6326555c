// A fixed number of worker threads behind a bounded queue.
#ifndef LIKENESS_SERVER_RPC_WORK_POOL_H_
#define LIKENESS_SERVER_RPC_WORK_POOL_H_

#include <cstddef>
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

// What a piece of work may wait for, and so how many workers it may take.
enum class Lane {
  kVerify,   // nothing, as a rule: any worker
  kGallery,  // the gallery, always: its own share of the workers, so that one that hangs never stops the rest
};

// Thread-safe. Work of one lane is started in the order in which it was submitted; of two lanes, the older work first,
// as long as its lane may take another worker.
class WorkPool {
 public:
  struct Options {
    int workers = 1;      // that kVerify may take, >= 1
    int queue_limit = 0;  // work that may wait while the workers are busy, >= 0
    // Told how much waits, after each change. Runs under the pool's lock: it must be quick.
    std::function<void(int64_t waiting)> on_depth = [](int64_t) {};
    // That kGallery may take, >= 1; 0: half of the workers, and at least one. There is always one thread more than
    // these: a pool of one worker has a second thread, and the two lanes share its core while both have work.
    int gallery_workers = 0;
  };

  explicit WorkPool(Options options);
  // Runs what is queued, then ends the threads.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Hands `work` to a worker and returns true; returns false at once when the queue is full. Work of kGallery that
  // waits for its share takes half of the queue at most. What it throws is counted, and the worker goes on.
  [[nodiscard]] bool TrySubmit(Lane lane, absl::AnyInvocable<void()> work);
  [[nodiscard]] bool TrySubmit(absl::AnyInvocable<void()> work) { return TrySubmit(Lane::kVerify, std::move(work)); }

 private:
  struct Entry {
    int64_t number;  // ascending in the order of submission
    absl::AnyInvocable<void()> work;
  };
  struct LaneState {
    int most;  // that may run at once
    int running = 0;
    std::deque<Entry> queue = {};

    int64_t unfinished() const { return running + static_cast<int64_t>(queue.size()); }
    bool ready() const { return !queue.empty() && running < most; }
  };

  void RunWorker();
  // How much would wait if each lane had so much to do.
  int64_t WaitingOf(int64_t verify, int64_t gallery) const;
  bool IsFull(Lane lane) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  LaneState& StateOf(Lane lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return lane == Lane::kVerify ? verify_ : gallery_;
  }
  // The lane whose work is to be started next; null for none.
  LaneState* Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWorkOrStops() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellDepth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const int gallery_workers_;
  const int threads_;
  absl::Mutex mutex_;
  LaneState verify_ ABSL_GUARDED_BY(mutex_);
  LaneState gallery_ ABSL_GUARDED_BY(mutex_);
  int64_t submitted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_WORK_POOL_H_
