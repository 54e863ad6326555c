#include "server/threads/guarded.h"

#include <array>
#include <atomic>
#include <exception>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

std::array<std::atomic<int64_t>, kThreadKindCount> failures;

absl::Status Failed(ThreadKind kind, absl::string_view thrown) noexcept {
  ++failures[static_cast<size_t>(kind)];
  try {
    Log(LogLevel::kError, "thread_failed",
        {{"thread", std::string(ThreadName(kind))}, {"message", std::string(thrown)}});
    return MakeError(Reason::INTERNAL, absl::StrCat("unexpected: ", thrown));
  } catch (...) {  // no memory for it
    return absl::InternalError("");
  }
}

}  // namespace

absl::string_view ThreadName(ThreadKind kind) {
  switch (kind) {
    case ThreadKind::kWorker:
      return "worker";
    case ThreadKind::kAdministration:
      return "administration";
    case ThreadKind::kBatching:
      return "batching";
    case ThreadKind::kActivation:
      return "activation";
    case ThreadKind::kTraining:
      return "training";
    case ThreadKind::kPreparation:
      return "preparation";
    case ThreadKind::kFollower:
      return "follower";
    case ThreadKind::kUpkeep:
      return "upkeep";
    case ThreadKind::kMetrics:
      return "metrics";
  }
  return "";
}

absl::Status RunGuarded(ThreadKind kind, absl::FunctionRef<void()> work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return Failed(kind, error.what());
  } catch (...) {
    return Failed(kind, "something that is no std::exception");
  }
}

int64_t ThreadFailures(ThreadKind kind) { return failures[static_cast<size_t>(kind)]; }

}  // namespace likeness
