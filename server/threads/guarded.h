// The outermost function of every thread: what it throws is caught, logged and counted, and ends no process.
//
//   thread_ = std::thread([this] { RunGuarded(ThreadKind::kFollower, [this] { Run(); }); });
//
// Whoever owns the thread decides by the status what the end means.
#ifndef LIKENESS_SERVER_THREADS_GUARDED_H_
#define LIKENESS_SERVER_THREADS_GUARDED_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace likeness {

// The threads of a server.
enum class ThreadKind {
  kWorker,
  kAdministration,
  kBatching,
  kActivation,
  kTraining,
  kPreparation,
  kFollower,
  kUpkeep,
  kMetrics
};
inline constexpr int kThreadKindCount = 9;

// As the log and the metric call it: "worker".
absl::string_view ThreadName(ThreadKind kind);

// Runs `work`. Where it throws: logs `thread_failed`, counts, and returns INTERNAL with what was thrown. Thread-safe.
absl::Status RunGuarded(ThreadKind kind, absl::FunctionRef<void()> work);

// How often that has happened in this process, whichever server it was.
int64_t ThreadFailures(ThreadKind kind);

}  // namespace likeness

#endif  // LIKENESS_SERVER_THREADS_GUARDED_H_
