// What every call has in common: it is admitted or refused, runs on a worker, is counted, logged and answered.
#ifndef LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
#define LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/encoding/face_encoder.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/work_pool.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// Thread-safe. Handlers hold domain logic only; nothing of theirs runs on a gRPC thread.
class CallDispatcher {
 public:
  // What a method does for a caller. Its StillWanted tells whether the caller still waits.
  using Handler = absl::AnyInvocable<absl::Status(const Caller&, StillWanted)>;

  // All must outlive every call.
  CallDispatcher(WorkPool& pool, CallAdmission& admission, OpenCalls& open_calls, Metrics& metrics)
      : pool_(pool), admission_(admission), open_calls_(open_calls), metrics_(metrics) {}
  CallDispatcher(const CallDispatcher&) = delete;
  CallDispatcher& operator=(const CallDispatcher&) = delete;

  // Answers the call with what `handler`, run in `lane` of the workers, returns; at once with why the caller may not,
  // with SHUTTING_DOWN once the open calls are drained, or with OVERLOADED when no more work may wait. Work whose
  // caller has gone or whose deadline has passed before a worker is free is not begun.
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, std::string method, Lane lane, Handler handler);

 private:
  class Call;

  bool Admit(Call& call, Lane lane, Handler handler);
  void Answer(Call& call, const absl::Status& status);

  WorkPool& pool_;
  CallAdmission& admission_;
  OpenCalls& open_calls_;
  Metrics& metrics_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
