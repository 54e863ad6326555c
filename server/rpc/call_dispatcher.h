// What every call has in common: it is admitted or refused, runs on a worker, is counted, logged and answered.
#ifndef LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
#define LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/encoding/face_encoder.h"
#include "server/rpc/work_pool.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// Thread-safe. Handlers hold domain logic only; nothing of theirs runs on a gRPC thread.
class CallDispatcher {
 public:
  // What a method does. Its StillWanted tells whether the caller still waits.
  using Handler = absl::AnyInvocable<absl::Status(StillWanted)>;

  // Both must outlive every call.
  CallDispatcher(WorkPool& pool, Metrics& metrics) : pool_(pool), metrics_(metrics) {}

  // Answers the call with what `handler` returns, or with OVERLOADED at once when no more work may wait. Work whose
  // caller has gone or whose deadline has passed before a worker is free is not begun.
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, std::string method, Handler handler);

 private:
  WorkPool& pool_;
  Metrics& metrics_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_DISPATCHER_H_
