#include "server/rpc/call_report.h"

#include <iterator>

#include "server/errors/errors.h"
#include "server/rpc/status_mapping.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

// Whether the operator has to look, and not the caller.
bool IsOurFault(Reason::Value reason) {
  return reason == Reason::INTERNAL || reason == Reason::NETWORK_FAILED || reason == Reason::STORE_FAILED ||
         reason == Reason::MASTER_KEY_MISSING || reason == Reason::STORE_CORRUPT || reason == Reason::MODEL_CORRUPT;
}

}  // namespace

std::optional<TraceContext> TraceOf(const grpc::ServerContextBase& context) {
  const auto [first, end] = context.client_metadata().equal_range(kTraceparent);
  if (first == end || std::next(first) != end) return std::nullopt;
  return ParseTraceparent({first->second.data(), first->second.size()});
}

grpc::Status ReportCall(const CallReport& call, const absl::Status& status, Metrics& metrics) {
  const grpc::Status answer = ToGrpcStatus(status);
  const std::string code = CodeName(answer.error_code());
  metrics.CountCall(call.method, code, call.seconds);
  nlohmann::ordered_json line{{"method", call.method}, {"code", code}};
  if (!status.ok()) line["reason"] = ReasonName(ReasonOf(status));
  line["milliseconds"] = call.seconds * 1e3;
  line["peer"] = call.peer;
  if (!call.caller.empty()) line["caller"] = call.caller;
  if (call.trace.has_value()) {
    line["trace_id"] = call.trace->trace_id;
    line["parent_id"] = call.trace->parent_id;
  }
  const bool our_fault = !status.ok() && IsOurFault(ReasonOf(status));
  if (our_fault) line["message"] = answer.error_message();
  Log(our_fault ? LogLevel::kError : LogLevel::kInfo, "call", line);
  return answer;
}

}  // namespace likeness
