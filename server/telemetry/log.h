// Structured logs: one JSON object a line, on standard error.
//
//   Log(LogLevel::kInfo, "call", {{"method", "Verify"}, {"code", "OK"}, {"milliseconds", 12.5}});
//
// Person ids and photos are never logged.
#ifndef LIKENESS_SERVER_TELEMETRY_LOG_H_
#define LIKENESS_SERVER_TELEMETRY_LOG_H_

#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"

namespace likeness {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below this level are dropped. Thread-safe, as is Log().
void SetLogLevel(LogLevel level);

void Log(LogLevel level, absl::string_view event,
         const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_LOG_H_
