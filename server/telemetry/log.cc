#include "server/telemetry/log.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/telemetry/line_writer.h"

namespace likeness {
namespace {

// How long the end of a process waits for whoever reads its log.
constexpr absl::Duration kLastLines = absl::Milliseconds(500);

std::atomic<LogLevel> lowest = LogLevel::kInfo;

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

// ASCII only: what callers sent may be meant for the terminal of whoever reads the log.
std::string LineOf(LogLevel level, absl::string_view event, const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json line{{"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone())},
                              {"level", std::string(LevelName(level))},
                              {"event", std::string(event)}};
  if (!fields.is_null()) line.update(fields);
  return line.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::ordered_json::error_handler_t::replace);
}

// Never destroyed: its thread may be held up in a write when the process ends.
LineWriter& Writer() {
  static LineWriter& writer = [&]() -> LineWriter& {
    auto* made = new LineWriter({.tell_dropped = [](int64_t dropped) {
      return LineOf(LogLevel::kWarning, "log_lines_dropped", {{"lines", dropped}});
    }});
    std::atexit([] { FlushLog(kLastLines); });
    return *made;
  }();
  return writer;
}

}  // namespace

void SetLogLevel(LogLevel level) { lowest = level; }

void Log(LogLevel level, absl::string_view event, const nlohmann::ordered_json& fields) {
  if (level >= lowest) Writer().Write(LineOf(level, event, fields));
}

bool FlushLog(absl::Duration limit) { return Writer().Flush(limit); }

int64_t LogLinesDropped() { return Writer().dropped(); }

}  // namespace likeness
