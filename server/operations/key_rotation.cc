#include "server/operations/key_rotation.h"

#include <string>
#include <utility>
#include <vector>

#include "server/errors/errors.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

constexpr int kPersonsAtOnce = 100;

}  // namespace

KeyRotations::~KeyRotations() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock begin(&begin_mutex_);
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<OperationRecord> KeyRotations::Begin() {
  absl::MutexLock begin(&begin_mutex_);
  if (Stopping()) return MakeError(Reason::SHUTTING_DOWN, "the server ends");
  absl::StatusOr<OperationRecord> operation = gallery_.coordination().BeginKeyRotation(self_);
  if (operation.ok() && operation->begun) Start(*operation);
  return operation;
}

absl::Status KeyRotations::Resume() {
  absl::MutexLock begin(&begin_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || running_) return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<OperationRecord>> operations = gallery_.coordination().ListOperations();
  if (!operations.ok()) return operations.status();
  for (const OperationRecord& operation : *operations) {
    if (operation.kind != OperationKind::kKeyRotation || operation.state != OperationState::kRunning) continue;
    // In a gallery of one server, what is held is held by an earlier run of it.
    if (operation.held && gallery_.shared()) continue;
    absl::StatusOr<OperationRecord> taken = gallery_.coordination().TakeOperation(operation.name, self_);
    if (IsOperationLost(taken.status())) continue;
    if (!taken.ok()) return taken.status();
    Log(LogLevel::kInfo, "key_rotation_resumed", {{"operation", taken->name}});
    Start(*taken);
    break;
  }
  return absl::OkStatus();
}

void KeyRotations::Start(const OperationRecord& operation) {
  if (thread_.joinable()) thread_.join();  // of one that has ended
  {
    absl::MutexLock lock(&mutex_);
    running_ = true;
  }
  thread_ = std::thread([this, operation] {
    if (RunGuarded(ThreadKind::kAdministration, [&] { Run(operation); }).ok()) return;
    absl::MutexLock lock(&mutex_);
    running_ = false;  // the lease expires, and somebody goes on with it
  });
}

void KeyRotations::Run(const OperationRecord& operation) {
  LowerThisThreadsPriority(Politeness::kModest);
  OperationRun run(gallery_.coordination(), self_, operation, [this] { return Stopping(); });
  const absl::Status outcome = run.End(Rotate(run), /*others_may_go_on=*/gallery_.shared());
  Log(outcome.ok() ? LogLevel::kInfo : LogLevel::kWarning, outcome.ok() ? "keys_rotated" : "key_rotation_ended",
      {{"operation", operation.name},
       {"persons", run.progress().done},
       {"rewrapped", run.progress().changed},
       {"message", std::string(outcome.message())}});
  absl::MutexLock lock(&mutex_);
  running_ = false;
}

absl::Status KeyRotations::Rotate(OperationRun& run) {
  OperationProgress progress = run.progress();
  progress.done = 0;
  std::string after;
  while (true) {
    if (absl::Status status = run.Check(); !status.ok()) return status;
    absl::StatusOr<KeyRotation> page = gallery_.RotateKeys(after, kPersonsAtOnce);
    if (!page.ok()) return page.status();
    progress.done += page->seen;
    progress.changed += page->changed;
    run.SetProgress(progress);
    if (page->last.empty()) return absl::OkStatus();
    after = std::move(page->last);
  }
}

}  // namespace likeness
