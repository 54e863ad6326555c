#include "server/rpc/work_pool.h"

#include <algorithm>
#include <utility>

#include "server/threads/guarded.h"

namespace likeness {

WorkPool::WorkPool(Options options)
    : options_(std::move(options)),
      gallery_workers_(options_.gallery_workers > 0 ? options_.gallery_workers : std::max(1, options_.workers / 2)),
      threads_(std::max(options_.workers, gallery_workers_ + 1)),
      verify_{.most = options_.workers},
      gallery_{.most = gallery_workers_} {
  for (int i = 0; i < threads_; ++i) workers_.emplace_back([this] { RunWorker(); });
}

WorkPool::~WorkPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

bool WorkPool::TrySubmit(Lane lane, absl::AnyInvocable<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || IsFull(lane)) return false;
  StateOf(lane).queue.push_back({++submitted_, std::move(work)});
  TellDepth();
  return true;
}

int64_t WorkPool::WaitingOf(int64_t verify, int64_t gallery) const {
  // Work that an idle worker will take does not wait.
  const int64_t taken = std::min<int64_t>(verify, options_.workers) + std::min<int64_t>(gallery, gallery_workers_);
  return verify + gallery - std::min<int64_t>(taken, threads_);
}

bool WorkPool::IsFull(Lane lane) const {
  const bool to_gallery = lane == Lane::kGallery;
  const int64_t verify = verify_.unfinished() + (to_gallery ? 0 : 1);
  const int64_t gallery = gallery_.unfinished() + (to_gallery ? 1 : 0);
  // The other half stays for work that does not wait for the gallery.
  if (to_gallery && gallery - gallery_workers_ > options_.queue_limit / 2) return true;
  return WaitingOf(verify, gallery) > options_.queue_limit;
}

WorkPool::LaneState* WorkPool::Next() {
  if (!verify_.ready()) return gallery_.ready() ? &gallery_ : nullptr;
  if (!gallery_.ready()) return &verify_;
  return verify_.queue.front().number < gallery_.queue.front().number ? &verify_ : &gallery_;
}

bool WorkPool::HasWorkOrStops() {
  return Next() != nullptr || (stopping_ && verify_.queue.empty() && gallery_.queue.empty());
}

void WorkPool::TellDepth() { options_.on_depth(static_cast<int64_t>(verify_.queue.size() + gallery_.queue.size())); }

void WorkPool::RunWorker() {
  while (true) {
    LaneState* lane = nullptr;
    absl::AnyInvocable<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkPool::HasWorkOrStops));
      lane = Next();
      if (lane == nullptr) return;
      work = std::move(lane->queue.front().work);
      lane->queue.pop_front();
      ++lane->running;
      TellDepth();
    }
    RunGuarded(ThreadKind::kWorker, [&] {
      work();
    }).IgnoreError();  // whoever submitted it has his own way to hear of it
    RunGuarded(ThreadKind::kWorker, [&] { work = nullptr; }).IgnoreError();  // its captures end before the worker idles
    absl::MutexLock lock(&mutex_);
    --lane->running;
  }
}

}  // namespace likeness
