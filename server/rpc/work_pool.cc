#include "server/rpc/work_pool.h"

#include <utility>

#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {

WorkPool::WorkPool(Options options)
    : options_(std::move(options)),
      verify_{.workers = options_.workers},
      gallery_{.workers = options_.gallery_workers > 0 ? options_.gallery_workers : std::max(1, options_.workers / 2)} {
  const int gallery_workers = gallery_.workers;
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { RunWorker(Lane::kVerify); });
  for (int i = 0; i < gallery_workers; ++i) {
    threads_.emplace_back([this] {
      LowerThisThreadsPriority(Politeness::kModest);
      RunWorker(Lane::kGallery);
    });
  }
}

WorkPool::~WorkPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool WorkPool::TrySubmit(Lane lane, absl::AnyInvocable<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || IsFull(lane)) return false;
  StateOf(lane).queue.push_back(std::move(work));
  TellDepth();
  return true;
}

bool WorkPool::IsFull(Lane lane) const {
  const LaneState& of_lane = lane == Lane::kVerify ? verify_ : gallery_;
  if (of_lane.running + static_cast<int64_t>(of_lane.queue.size()) < of_lane.workers) return false;
  // The other half stays for work that does not wait for the gallery.
  if (lane == Lane::kGallery && gallery_.waiting() >= options_.queue_limit / 2) return true;
  return verify_.waiting() + gallery_.waiting() >= options_.queue_limit;
}

void WorkPool::TellDepth() { options_.on_depth(static_cast<int64_t>(verify_.queue.size() + gallery_.queue.size())); }

void WorkPool::RunWorker(Lane lane) {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      LaneState& state = StateOf(lane);
      const auto has_work_or_stops = [&] { return !state.queue.empty() || stopping_; };
      mutex_.Await(absl::Condition(&has_work_or_stops));
      if (state.queue.empty()) return;
      work = std::move(state.queue.front());
      state.queue.pop_front();
      ++state.running;
      TellDepth();
    }
    RunGuarded(ThreadKind::kWorker, [&] {
      work();
    }).IgnoreError();  // whoever submitted it has his own way to hear of it
    RunGuarded(ThreadKind::kWorker, [&] { work = nullptr; }).IgnoreError();  // its captures end before the worker idles
    absl::MutexLock lock(&mutex_);
    --StateOf(lane).running;
  }
}

}  // namespace likeness
