#include "server/rpc/work_pool.h"

#include <utility>

#include "server/threads/guarded.h"

namespace likeness {

WorkPool::WorkPool(Options options) : options_(std::move(options)), idle_workers_(options_.workers) {
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { RunWorker(); });
}

WorkPool::~WorkPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

bool WorkPool::TrySubmit(absl::AnyInvocable<void()> work) {
  absl::MutexLock lock(&mutex_);
  // An idle worker will take one entry each; only what is beyond that waits.
  const int64_t waiting = static_cast<int64_t>(queue_.size()) - idle_workers_;
  if (stopping_ || waiting >= options_.queue_limit) return false;
  queue_.push_back(std::move(work));
  options_.on_depth(static_cast<int64_t>(queue_.size()));
  return true;
}

void WorkPool::RunWorker() {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkPool::HasWorkOrStops));
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
      --idle_workers_;
      options_.on_depth(static_cast<int64_t>(queue_.size()));
    }
    RunGuarded(ThreadKind::kWorker, [&] {
      work();
    }).IgnoreError();  // whoever submitted it has his own way to hear of it
    RunGuarded(ThreadKind::kWorker, [&] { work = nullptr; }).IgnoreError();  // its captures end before the worker idles
    absl::MutexLock lock(&mutex_);
    ++idle_workers_;
  }
}

}  // namespace likeness
