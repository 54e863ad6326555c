// Tells ThreadSanitizer of absl::Mutex, Barrier, Notification and BlockingCounter, which Debian's Abseil does not:
// without this it takes all that they guard for unguarded. Only in the preset tsan, by the linker's --wrap.
//
// Between "pre" and "post" ThreadSanitizer looks away, so that the conditions of waiters, which Abseil evaluates on the
// thread that unlocks, are no accesses without the lock.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace {

using absl::Barrier;
using absl::BlockingCounter;
using absl::Condition;
using absl::Mutex;
using absl::Notification;

template <typename Lock>
auto Locked(Mutex* mutex, unsigned flags, Lock lock) {
  __tsan_mutex_pre_lock(mutex, flags);
  struct After {
    Mutex* mutex;
    unsigned flags;
    ~After() { __tsan_mutex_post_lock(mutex, flags, 0); }
  } after{mutex, flags};
  return lock();
}

template <typename Unlock>
void Unlocked(Mutex* mutex, unsigned flags, Unlock unlock) {
  __tsan_mutex_pre_unlock(mutex, flags);
  unlock();
  __tsan_mutex_post_unlock(mutex, flags);
}

// Lets go of the mutex and takes it again.
template <typename Await>
auto Awaited(Mutex* mutex, Await await) {
  Unlocked(mutex, 0, [] {});
  return Locked(mutex, 0, await);
}

}  // namespace

// Methods, as the functions that they are to the linker.
extern "C" {
void __real__ZN4absl7debian35Mutex4LockEv(Mutex*);
void __real__ZN4absl7debian35Mutex6UnlockEv(Mutex*);
void __real__ZN4absl7debian35Mutex10ReaderLockEv(Mutex*);
void __real__ZN4absl7debian35Mutex12ReaderUnlockEv(Mutex*);
void __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(Mutex*, const Condition&);
bool __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(Mutex*, const Condition&,
                                                                                     absl::Duration);
bool __real__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(Mutex*, const Condition&, absl::Time);
void __real__ZN4absl7debian35MutexD1Ev(Mutex*);
bool __real__ZN4absl7debian37Barrier5BlockEv(Barrier*);
void __real__ZN4absl7debian312Notification6NotifyEv(Notification*);
void __real__ZNK4absl7debian312Notification19WaitForNotificationEv(Notification*);
bool __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(BlockingCounter*);
void __real__ZN4absl7debian315BlockingCounter4WaitEv(BlockingCounter*);

void __wrap__ZN4absl7debian35Mutex4LockEv(Mutex* mutex) {
  Locked(mutex, 0, [=] { __real__ZN4absl7debian35Mutex4LockEv(mutex); });
}
void __wrap__ZN4absl7debian35Mutex6UnlockEv(Mutex* mutex) {
  Unlocked(mutex, 0, [=] { __real__ZN4absl7debian35Mutex6UnlockEv(mutex); });
}
void __wrap__ZN4absl7debian35Mutex10ReaderLockEv(Mutex* mutex) {
  Locked(mutex, __tsan_mutex_read_lock, [=] { __real__ZN4absl7debian35Mutex10ReaderLockEv(mutex); });
}
void __wrap__ZN4absl7debian35Mutex12ReaderUnlockEv(Mutex* mutex) {
  Unlocked(mutex, __tsan_mutex_read_lock, [=] { __real__ZN4absl7debian35Mutex12ReaderUnlockEv(mutex); });
}
void __wrap__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(Mutex* mutex, const Condition& condition) {
  Awaited(mutex, [&] { __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(mutex, condition); });
}
bool __wrap__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(Mutex* mutex,
                                                                                     const Condition& condition,
                                                                                     absl::Duration timeout) {
  return Awaited(mutex, [&] {
    return __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(mutex, condition, timeout);
  });
}
bool __wrap__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(Mutex* mutex,
                                                                                  const Condition& condition,
                                                                                  absl::Time deadline) {
  return Awaited(mutex, [&] {
    return __real__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(mutex, condition, deadline);
  });
}
void __wrap__ZN4absl7debian35MutexD1Ev(Mutex* mutex) {
  __tsan_mutex_destroy(mutex, 0);
  __real__ZN4absl7debian35MutexD1Ev(mutex);
}
bool __wrap__ZN4absl7debian37Barrier5BlockEv(Barrier* barrier) {
  __tsan_release(barrier);
  const bool last = __real__ZN4absl7debian37Barrier5BlockEv(barrier);
  __tsan_acquire(barrier);
  return last;
}
void __wrap__ZN4absl7debian312Notification6NotifyEv(Notification* notification) {
  __tsan_release(notification);
  __real__ZN4absl7debian312Notification6NotifyEv(notification);
}
void __wrap__ZNK4absl7debian312Notification19WaitForNotificationEv(Notification* notification) {
  __real__ZNK4absl7debian312Notification19WaitForNotificationEv(notification);
  __tsan_acquire(notification);
}
bool __wrap__ZN4absl7debian315BlockingCounter14DecrementCountEv(BlockingCounter* counter) {
  __tsan_release(counter);
  return __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(counter);
}
void __wrap__ZN4absl7debian315BlockingCounter4WaitEv(BlockingCounter* counter) {
  __real__ZN4absl7debian315BlockingCounter4WaitEv(counter);
  __tsan_acquire(counter);
}
}

// A status that several threads share is counted by an atomic in Debian's Abseil, where ThreadSanitizer does not see
// it: it takes the last owner's deletion for a race with what the others have read.
extern "C" const char* __tsan_default_suppressions() { return "race:absl::debian3::Status::Unref\n"; }
