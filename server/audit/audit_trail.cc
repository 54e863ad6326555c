#include "server/audit/audit_trail.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/hashing/person_key.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

std::shared_ptr<spdlog::sinks::sink> MakeSink(const AuditOptions& options) {
  if (options.file == kAuditToStandardOutput) return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  spdlog::file_event_handlers handlers;
  handlers.after_open = [](const std::string&, std::FILE* file) { fchmod(fileno(file), S_IRUSR | S_IWUSR); };
  return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, static_cast<size_t>(options.max_bytes),
                                                                static_cast<size_t>(options.kept_files),
                                                                /*rotate_on_open=*/false, handlers);
}

std::string ResultOf(const AuditEntry& entry) {
  if (!entry.status.ok()) return ReasonName(ReasonOf(entry.status));
  if (entry.verified.has_value()) return *entry.verified ? "same" : "different";
  return "OK";
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditTrail>> AuditTrail::Open(const AuditOptions& options) {
  if (options.file.empty()) return std::unique_ptr<AuditTrail>(new AuditTrail(nullptr));
  try {
    auto logger = std::make_shared<spdlog::logger>("audit", MakeSink(options));
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::trace);
    logger->set_error_handler([](const std::string& message) {
      Log(LogLevel::kError, "audit_not_written", {{"message", message}});
    });
    return std::unique_ptr<AuditTrail>(new AuditTrail(std::move(logger)));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(absl::StrCat("audit trail ", options.file, ": ", error.what()));
  }
}

void AuditTrail::Record(const AuditEntry& entry) const {
  if (logger_ == nullptr) return;
  nlohmann::ordered_json line{{"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone())},
                              {"caller", std::string(entry.caller)},
                              {"method", std::string(entry.method)},
                              {"result", ResultOf(entry)}};
  if (!entry.person_id.empty()) {
    const PersonKey key = PersonKeyOf(entry.person_id);
    line["person"] = absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
  }
  if (!entry.model.empty()) line["model"] = entry.model;
  logger_->info(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace likeness
