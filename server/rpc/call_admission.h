// Whether a call may be carried out.
#ifndef LIKENESS_SERVER_RPC_CALL_ADMISSION_H_
#define LIKENESS_SERVER_RPC_CALL_ADMISSION_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/access.h"
#include "server/access/call_rates.h"

namespace likeness {

// Thread-safe.
class CallAdmission {
 public:
  // `access` must outlive it. `limits` are those of callers whose tokens have none of their own; they may be none.
  CallAdmission(Access& access, const CallerLimits& limits, std::function<absl::Time()> now)
      : access_(access), limits_(limits), rates_(std::move(now)) {}

  // Who calls, with the limits that count. `method` is its short name, "Verify". The errors of Access::Authorize(), by
  // the scope that the method takes; RATE_LIMITED, of the token, or of the address where there are none. A method that
  // has no scope, by a mistake of ours, is nobody's: INTERNAL.
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, absl::string_view method);

 private:
  Access& access_;
  const CallerLimits limits_;
  CallRates rates_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_ADMISSION_H_
