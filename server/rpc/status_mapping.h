// From absl::Status to what a caller sees.
#ifndef LIKENESS_SERVER_RPC_STATUS_MAPPING_H_
#define LIKENESS_SERVER_RPC_STATUS_MAPPING_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace likeness {

// The same code and message, with google.rpc details: ErrorInfo (domain "likeness", the stable reason), BadRequest for
// a named field, RetryInfo where it helps to come again. A status without a reason is a fault of the server: INTERNAL.
grpc::Status ToGrpcStatus(const absl::Status& status);

// "OK", "INVALID_ARGUMENT"…: the names that gRPC gives its codes.
std::string CodeName(grpc::StatusCode code);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_STATUS_MAPPING_H_
