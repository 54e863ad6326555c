// Wraps every person's key anew with the master key that wraps now: page by page, as an operation of the gallery.
#ifndef LIKENESS_SERVER_OPERATIONS_KEY_ROTATION_H_
#define LIKENESS_SERVER_OPERATIONS_KEY_ROTATION_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/gallery.h"
#include "server/operations/operation_run.h"

namespace likeness {

// Thread-safe. One rotation at a time in the whole gallery, on a thread of low priority. One that was interrupted looks
// at everybody again: whose key is wrapped by the right one already costs a look.
class KeyRotations {
 public:
  // `gallery` must outlive it.
  explicit KeyRotations(Gallery& gallery) : gallery_(gallery) {}
  // Ends the thread; a rotation that runs goes on after the next start, or on another server.
  ~KeyRotations();

  // Begins a rotation, or finds the one that runs.
  absl::StatusOr<OperationRecord> Begin();
  // Goes on with one that nobody works on any more. To be called again and again.
  absl::Status Resume();

 private:
  void Start(const OperationRecord& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(begin_mutex_);
  void Run(const OperationRecord& operation);
  absl::Status Rotate(OperationRun& run);
  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  Gallery& gallery_;
  const OperationOwner self_ = ThisServer();
  absl::Mutex begin_mutex_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(begin_mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_OPERATIONS_KEY_ROTATION_H_
