// W3C Trace Context: to which trace of its caller's a call belongs (https://www.w3.org/TR/trace-context/).
#ifndef LIKENESS_SERVER_TELEMETRY_TRACE_CONTEXT_H_
#define LIKENESS_SERVER_TELEMETRY_TRACE_CONTEXT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace likeness {

// The metadata that carries it.
inline constexpr char kTraceparent[] = "traceparent";

struct TraceContext {
  std::string trace_id;   // 32 lower-case hexadecimal digits, not all 0
  std::string parent_id;  // 16: the caller's span
};

// Reads the value of kTraceparent, of version 00 or, as the standard asks, of a later one by the rules of 00. Nothing
// when it does not follow them: the call is then served without a trace. Thread-safe.
std::optional<TraceContext> ParseTraceparent(absl::string_view value);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_TRACE_CONTEXT_H_
