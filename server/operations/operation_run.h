// A long operation of the gallery, while this server works on it.
#ifndef LIKENESS_SERVER_OPERATIONS_OPERATION_RUN_H_
#define LIKENESS_SERVER_OPERATIONS_OPERATION_RUN_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/coordination.h"

namespace likeness {

// This server, as the owner of operations: named after its host, with an id of this run of it.
OperationOwner ThisServer();

// Thread-safe. Renews the lease, notes the progress, and hears of a cancellation, once a second on a thread of its own,
// so that neither waits for a network or for the next page.
class OperationRun {
 public:
  // `owner` has begun or taken over the operation. `stopping` tells that the server ends. All must outlive it.
  OperationRun(Coordination& coordination, OperationOwner owner, const OperationRecord& record,
               std::function<bool()> stopping);
  // Ends the thread; the operation stays as it is.
  ~OperationRun();

  // Whether to go on, to be asked before each step that takes time: SHUTTING_DOWN when the server ends, CANCELLED when
  // somebody wants the operation to end, IsOperationLost() when another server works on it.
  absl::Status Check() const;

  void SetProgress(const OperationProgress& progress);

  // Ends it for good, or, where the server ends or the store has failed in a gallery that others may go on with,
  // releases it. Returns `outcome`, or what kept it from being ended.
  absl::Status End(const absl::Status& outcome, bool others_may_go_on);

  const std::string& name() const { return name_; }
  const OperationOwner& owner() const { return owner_; }
  OperationProgress progress() const;

 private:
  void Renew();
  void StopRenewing();

  Coordination& coordination_;
  const OperationOwner owner_;
  const std::string name_;
  const std::function<bool()> stopping_;
  mutable absl::Mutex mutex_;
  OperationProgress progress_ ABSL_GUARDED_BY(mutex_);
  absl::Status verdict_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread renewer_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_OPERATIONS_OPERATION_RUN_H_
