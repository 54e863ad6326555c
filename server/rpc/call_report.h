// What is done once a call has its answer, whichever service it belongs to.
#ifndef LIKENESS_SERVER_RPC_CALL_REPORT_H_
#define LIKENESS_SERVER_RPC_CALL_REPORT_H_

#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/trace_context.h"

namespace likeness {

// A call that is over.
struct CallReport {
  std::string method;
  std::string peer;
  std::string caller;  // the name of the token it came with; empty where there are none
  double seconds = 0;  // from its arrival
  std::optional<TraceContext> trace = {};
};

// The trace that the call's metadata names; nothing where they name none, or several. The context must be a server's.
std::optional<TraceContext> TraceOf(const grpc::ServerContextBase& context);

// Counts the call and logs its line; returns what its caller is told. Thread-safe.
grpc::Status ReportCall(const CallReport& call, const absl::Status& status, Metrics& metrics);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CALL_REPORT_H_
