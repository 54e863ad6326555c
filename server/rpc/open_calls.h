// The calls that are being carried out, so that a server can end without cutting one short.
#ifndef LIKENESS_SERVER_RPC_OPEN_CALLS_H_
#define LIKENESS_SERVER_RPC_OPEN_CALLS_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace likeness {

// Thread-safe. Knows nothing of gRPC.
class OpenCalls {
 public:
  // How long Drain() waits for callers to notice: until none has come for `quiet`, but no longer than `longest`.
  struct Notice {
    absl::Duration quiet = absl::Milliseconds(100);
    absl::Duration longest = absl::Seconds(1);
  };
  OpenCalls() : OpenCalls(Notice()) {}
  explicit OpenCalls(Notice notice) : notice_(notice) {}

  // Counts a call in. OK when it may be carried out; SHUTTING_DOWN from Drain() on. Leave() has to follow either way.
  absl::Status Arrive();
  // Its answer has left, or is about to.
  void Leave();

  // What a call that is carried out is to end with, when it is not yet done: SHUTTING_DOWN from Drain() on. For those
  // that would go on for long.
  absl::Status CheckOpen() const;

  // From now on nothing may be carried out. Returns when every call that was admitted before has left and callers have
  // noticed. What is still open when `limit` has passed is given up.
  void Drain(absl::Duration limit);

  // As long as one lives, Drain() does not wait for a call, which waits for its caller.
  class Aside {
   public:
    explicit Aside(OpenCalls& calls) : calls_(calls) { calls_.Leave(); }
    ~Aside() { calls_.Return(); }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    OpenCalls& calls_;
  };

 private:
  void Return();
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_ == 0; }

  const Notice notice_;
  mutable absl::Mutex mutex_;
  int64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;     // arrived and not yet over
  int64_t arrivals_ ABSL_GUARDED_BY(mutex_) = 0;  // since the start
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_OPEN_CALLS_H_
