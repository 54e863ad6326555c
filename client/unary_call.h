// One request, one response: the way in which every client of likeness makes such a call. Private to the client
// library.
#ifndef LIKENESS_CLIENT_UNARY_CALL_H_
#define LIKENESS_CLIENT_UNARY_CALL_H_

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/call_status.h"
#include "grpcpp/client_context.h"

namespace likeness {

inline constexpr absl::Duration kFirstBackoff = absl::Milliseconds(20);
inline constexpr absl::Duration kMaxBackoff = absl::Seconds(2);

// Lengthens a wait by up to half, so that callers who were refused together do not come back together. Thread-safe.
absl::Duration WithJitter(absl::Duration wait);

// Makes the call, again while the server is overloaded and time is left. Thread-safe.
//
//   CallUntil(absl::Now() + timeout, *stub, &v1::FaceVerificationService::Stub::Verify, request);
//
// gRPC's own retry policy is not used: it does not read RetryInfo, it would repeat messages that are too large, and it
// gives up a call whose request is larger than its buffer, as photos are.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallUntil(absl::Time deadline, Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                   const Request& request) {
  for (absl::Duration backoff = kFirstBackoff;; backoff = std::min(2 * backoff, kMaxBackoff)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    Response response;
    absl::Status status = ToAbslStatus((stub.*method)(&context, request, &response));
    if (status.ok()) return response;
    const std::optional<absl::Duration> delay = RetryDelayOf(status);
    if (!delay.has_value()) return status;
    const absl::Duration wait = WithJitter(std::max(*delay, backoff));
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
  }
}

}  // namespace likeness

#endif  // LIKENESS_CLIENT_UNARY_CALL_H_
