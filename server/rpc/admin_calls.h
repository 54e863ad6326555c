// What the calls of the administrative services have in common. They are few and may be long, so each blocks a gRPC
// thread of its own instead of taking a worker from the calls that verify.
#ifndef LIKENESS_SERVER_RPC_ADMIN_CALLS_H_
#define LIKENESS_SERVER_RPC_ADMIN_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/time/time.h"
#include "server/audit/audit_trail.h"
#include "server/errors/errors.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/call_report.h"
#include "server/rpc/open_calls.h"
#include "server/threads/guarded.h"

namespace likeness {

// How often a call that waits looks whether its caller is still there.
inline constexpr absl::Duration kLookForCaller = absl::Milliseconds(100);

inline absl::Status CallerGone() { return MakeError(Reason::CANCELLED, "the caller has gone"); }

// Thread-safe. What a handler waits for must look at CheckStillWanted().
class AdminCalls {
 public:
  // What a call is about, for the audit trail.
  struct Subject {
    std::string person_id = {};
    std::string model = {};  // a digest
  };

  // All must outlive it.
  AdminCalls(CallAdmission& admission, OpenCalls& open_calls, const AuditTrail& audit, Metrics& metrics)
      : admission_(admission), open_calls_(open_calls), audit_(audit), metrics_(metrics) {}

  // Why a call need not go on: its caller has gone, or SHUTTING_DOWN.
  absl::Status CheckStillWanted(const grpc::ServerContext& context) const {
    return context.IsCancelled() ? CallerGone() : open_calls_.CheckOpen();
  }

  // For a call that waits for what its caller sends: the end of the server does not wait for it meanwhile.
  OpenCalls::Aside WaitForCaller() const { return OpenCalls::Aside(open_calls_); }

  // Runs `handler`, a function that returns absl::Status, if the caller may; counts and logs the call.
  template <typename Handler>
  grpc::Status Run(const grpc::ServerContext& context, std::string method, Handler handler) const {
    return RunFor(context, std::move(method), [&](const Caller&) { return handler(); });
  }

  // As Run(), for a call that changes something or gives data out: it leaves a line in the audit trail. `handler` may
  // take the caller.
  template <typename Handler>
  grpc::Status RunAudited(const grpc::ServerContext& context, const std::string& method, const Subject& subject,
                          Handler handler) const {
    return RunFor(context, method, [&](const Caller& caller) {
      absl::Status status;
      if constexpr (std::is_invocable_v<Handler, const Caller&>) {
        status = handler(caller);
      } else {
        status = handler();
      }
      audit_.Record({.method = method,
                     .caller = caller.name,
                     .person_id = subject.person_id,
                     .status = status,
                     .model = subject.model});
      return status;
    });
  }

 private:
  template <typename Handler>
  grpc::Status RunFor(const grpc::ServerContext& context, std::string method, Handler handler) const {
    const auto arrival = std::chrono::steady_clock::now();
    const absl::Status open = open_calls_.Arrive();
    const absl::StatusOr<Caller> caller = open.ok() ? admission_.Admit(context, method) : open;
    const absl::Status status = [&]() -> absl::Status {
      if (!caller.ok()) return caller.status();
      absl::Status answer;
      const absl::Status ran = RunGuarded(ThreadKind::kAdministration, [&] { answer = handler(*caller); });
      return ran.ok() ? answer : ran;
    }();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - arrival;
    const grpc::Status answer = ReportCall(
        {std::move(method), context.peer(), caller.ok() ? caller->name : "", seconds.count(), TraceOf(context)}, status,
        metrics_);
    open_calls_.Leave();
    return answer;
  }

  CallAdmission& admission_;
  OpenCalls& open_calls_;
  const AuditTrail& audit_;
  Metrics& metrics_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_ADMIN_CALLS_H_
