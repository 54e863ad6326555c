// Whether a call may be carried out.
#ifndef LIKENESS_SERVER_RPC_CALL_ACCESS_H_
#define LIKENESS_SERVER_RPC_CALL_ACCESS_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/access.h"

namespace likeness {

// The caller's name, see Access::Authorize(), by the call's metadata and the scope that its method takes. `method` is
// its short name, "Verify". A method that has no scope, by a mistake of ours, is nobody's: INTERNAL. Thread-safe.
absl::StatusOr<std::string> AuthorizeCall(const grpc::ServerContextBase& context, absl::string_view method,
                                          Access& access);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_ACCESS_H_
