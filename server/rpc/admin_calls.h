// What the calls of the administrative services have in common. They are few and may be long, so each blocks a gRPC
// thread of its own instead of taking a worker from the calls that verify.
#ifndef LIKENESS_SERVER_RPC_ADMIN_CALLS_H_
#define LIKENESS_SERVER_RPC_ADMIN_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/errors/errors.h"
#include "server/rpc/call_access.h"
#include "server/rpc/call_report.h"

namespace likeness {

// How often a call that waits looks whether its caller is still there.
inline constexpr absl::Duration kLookForCaller = absl::Milliseconds(100);

inline absl::Status CallerGone() { return MakeError(Reason::CANCELLED, "the caller has gone"); }

// Thread-safe.
class AdminCalls {
 public:
  // Both must outlive it.
  AdminCalls(Access& access, Metrics& metrics) : access_(access), metrics_(metrics) {}

  // Runs `handler`, a function that returns absl::Status, if the caller may; counts and logs the call.
  template <typename Handler>
  grpc::Status Run(const grpc::ServerContext& context, std::string method, Handler handler) const {
    const auto arrival = std::chrono::steady_clock::now();
    const absl::StatusOr<std::string> caller = AuthorizeCall(context, method, access_);
    const absl::Status status = [&]() -> absl::Status {
      if (!caller.ok()) return caller.status();
      try {
        return handler();
      } catch (const std::exception& error) {
        return MakeError(Reason::INTERNAL, absl::StrCat("unexpected: ", error.what()));
      }
    }();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - arrival;
    return ReportCall({std::move(method), context.peer(), caller.value_or(""), seconds.count()}, status, metrics_);
  }

 private:
  Access& access_;
  Metrics& metrics_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_ADMIN_CALLS_H_
