#include "server/telemetry/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

namespace likeness {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& Logger() {
  static spdlog::logger& logger = [&]() -> spdlog::logger& {
    auto made = std::make_shared<spdlog::logger>("likeness", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    // The message is the rest of a JSON object.
    made->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    spdlog::register_logger(made);
    return *made;
  }();
  return logger;
}

}  // namespace

void SetLogLevel(LogLevel level) { Logger().set_level(ToSpdlog(level)); }

void Log(LogLevel level, absl::string_view event, const nlohmann::ordered_json& fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  nlohmann::ordered_json line{{"event", std::string(event)}};
  if (!fields.is_null()) line.update(fields);
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  Logger().log(ToSpdlog(level), std::string_view(text).substr(1));
}

}  // namespace likeness
