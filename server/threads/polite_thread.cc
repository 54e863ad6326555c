#include "server/threads/polite_thread.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "server/threads/guarded.h"

namespace likeness {
PoliteThread::PoliteThread() : thread_([this] { RunEntries(); }) {}

PoliteThread::~PoliteThread() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

absl::Status PoliteThread::Run(absl::FunctionRef<void()> work) {
  Entry entry{work};
  absl::MutexLock lock(&mutex_);
  queue_.push_back(&entry);
  mutex_.Await(absl::Condition(&entry.done));
  return entry.outcome;
}

void PoliteThread::RunEntries() {
  LowerThisThreadsPriority(Politeness::kLow);
  while (true) {
    Entry* entry = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &PoliteThread::HasWorkOrStops));
      if (queue_.empty()) return;
      entry = queue_.front();
      queue_.pop_front();
    }
    absl::Status outcome = RunGuarded(ThreadKind::kPreparation, entry->work);
    absl::MutexLock lock(&mutex_);
    entry->outcome = std::move(outcome);
    entry->done = true;
  }
}

void LowerThisThreadsPriority(Politeness politeness) {
  const int nice = politeness == Politeness::kModest ? 5 : 15;  // of 19
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
}

}  // namespace likeness
