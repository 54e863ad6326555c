// Structured logs: one JSON object a line, on standard error.
//
//   Log(LogLevel::kInfo, "call", {{"method", "Verify"}, {"code", "OK"}, {"milliseconds", 12.5}});
//
// Lines are written by a thread of the log's own, in order. Where nobody takes them (a pipe that is not read, a full
// disk) 4 MiB of them wait in memory; what comes then is dropped and counted, and one line, `log_lines_dropped`, says
// how many once lines are taken again. Whoever logs waits for nothing.
//
// Person ids and photos are never logged.
#ifndef LIKENESS_SERVER_TELEMETRY_LOG_H_
#define LIKENESS_SERVER_TELEMETRY_LOG_H_

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace likeness {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below this level are left out. Thread-safe, as all here.
void SetLogLevel(LogLevel level);

void Log(LogLevel level, absl::string_view event,
         const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

// Returns when what was logged before is written or dropped, at the latest after `limit`; whether it is. The end of a
// process by exit() waits so, for half a second.
bool FlushLog(absl::Duration limit);

// Lines that were dropped since the start of the process, because nobody took them.
int64_t LogLinesDropped();

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_LOG_H_
