// What a failed call says: its code and message, and the details that the server attached.
#ifndef LIKENESS_CLIENT_CALL_STATUS_H_
#define LIKENESS_CLIENT_CALL_STATUS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace likeness {

// The same code and message and, as payloads under their type URLs, the details that the server sent.
absl::Status ToAbslStatus(const grpc::Status& status);

// Why a call failed: the short name of an ErrorReason, for example "FACE_NOT_FOUND". Empty where the status carries no
// reason of likeness, as when the server could not be reached.
std::string ErrorReasonOf(const absl::Status& status);

// What to call an error: its reason, or the name of its code, for example "UNAVAILABLE", where it carries none.
std::string ErrorNameOf(const absl::Status& status);

// The first field that the server's google.rpc.BadRequest names; empty where there is none.
std::string ErrorFieldOf(const absl::Status& status);

// How long an overloaded server asks callers to stay away. A message that is too large for gRPC is RESOURCE_EXHAUSTED
// as well, but says nothing of coming again.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CALL_STATUS_H_
