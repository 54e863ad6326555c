// What the calls of the administrative services have in common. They are few and may be long, so each blocks a gRPC
// thread of its own instead of taking a worker from the calls that verify.
#ifndef LIKENESS_SERVER_RPC_ADMIN_CALL_H_
#define LIKENESS_SERVER_RPC_ADMIN_CALL_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/errors/errors.h"
#include "server/rpc/call_report.h"

namespace likeness {

// How often a call that waits looks whether its caller is still there.
inline constexpr absl::Duration kLookForCaller = absl::Milliseconds(100);

inline absl::Status CallerGone() { return MakeError(Reason::CANCELLED, "the caller has gone"); }

// Runs `handler`, a function that returns absl::Status; counts and logs the call.
template <typename Handler>
grpc::Status RunAdminCall(const grpc::ServerContext& context, std::string method, Metrics& metrics, Handler handler) {
  const auto arrival = std::chrono::steady_clock::now();
  const absl::Status status = [&]() -> absl::Status {
    try {
      return handler();
    } catch (const std::exception& error) {
      return MakeError(Reason::INTERNAL, absl::StrCat("unexpected: ", error.what()));
    }
  }();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - arrival;
  return ReportCall({std::move(method), context.peer(), seconds.count()}, status, metrics);
}

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_ADMIN_CALL_H_
