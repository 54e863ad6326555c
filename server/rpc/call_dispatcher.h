// What every call has in common: it is admitted or refused, runs on a worker, is counted, logged and answered.
#ifndef LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
#define LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/encoding/face_encoder.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/work_pool.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// Thread-safe. Handlers hold domain logic only; nothing of theirs runs on a gRPC thread.
class CallDispatcher {
 public:
  // What a method does for a caller. Its StillWanted tells whether the caller still waits.
  using Handler = absl::AnyInvocable<absl::Status(const Caller&, StillWanted)>;

  // All must outlive every call.
  CallDispatcher(WorkPool& pool, CallAdmission& admission, Metrics& metrics)
      : pool_(pool), admission_(admission), metrics_(metrics) {}
  CallDispatcher(const CallDispatcher&) = delete;
  CallDispatcher& operator=(const CallDispatcher&) = delete;

  // Answers the call with what `handler`, run in `lane` of the workers, returns; at once with why the caller may not,
  // or with OVERLOADED when no more work may wait. Work whose caller has gone or whose deadline has passed before a
  // worker is free is not begun.
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, std::string method, Lane lane, Handler handler);

  // From now on refuses calls with SHUTTING_DOWN. Returns when every call admitted before has been answered and its
  // answer has left, or when `limit` has passed.
  void Drain(absl::Duration limit);

 private:
  class Call;

  bool Admit(Call& call, Lane lane, Handler handler);
  void Answer(Call& call, const absl::Status& status);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_ == 0; }

  WorkPool& pool_;
  CallAdmission& admission_;
  Metrics& metrics_;
  absl::Mutex mutex_;
  int64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;  // arrived and not yet over
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
