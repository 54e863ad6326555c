#include "server/operations/operation_run.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "server/errors/errors.h"
#include "server/hashing/random_id.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenRenewals = absl::Seconds(1);
constexpr size_t kMaxHostName = 256;

}  // namespace

OperationOwner ThisServer() {
  char host[kMaxHostName] = {};
  gethostname(host, sizeof(host) - 1);
  return {RandomId(), host};
}

OperationRun::OperationRun(Coordination& coordination, OperationOwner owner, const OperationRecord& record,
                           std::function<bool()> stopping)
    : coordination_(coordination),
      owner_(std::move(owner)),
      name_(record.name),
      stopping_(std::move(stopping)),
      progress_(record.progress),
      renewer_([this] { RunGuarded(ThreadKind::kAdministration, [this] { Renew(); }).IgnoreError(); }) {}

OperationRun::~OperationRun() { StopRenewing(); }

void OperationRun::StopRenewing() {
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }
  if (renewer_.joinable()) renewer_.join();
}

void OperationRun::Renew() {
  while (true) {
    OperationProgress progress;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&ended_), kBetweenRenewals);
      if (ended_) return;
      progress = progress_;
    }
    const absl::StatusOr<OperationRecord> renewed = coordination_.RenewOperation(name_, owner_, progress);
    absl::MutexLock lock(&mutex_);
    if (renewed.ok() && renewed->cancel_requested)
      verdict_ = MakeError(Reason::CANCELLED, "the operation was cancelled");
    if (IsOperationLost(renewed.status())) verdict_ = renewed.status();
    // Any other error is the store's, which whoever works on the operation hears of, too.
  }
}

absl::Status OperationRun::Check() const {
  if (stopping_()) return MakeError(Reason::SHUTTING_DOWN, "the server ends; the operation goes on after its start");
  absl::MutexLock lock(&mutex_);
  return verdict_;
}

void OperationRun::SetProgress(const OperationProgress& progress) {
  absl::MutexLock lock(&mutex_);
  progress_ = progress;
}

OperationProgress OperationRun::progress() const {
  absl::MutexLock lock(&mutex_);
  return progress_;
}

absl::Status OperationRun::End(const absl::Status& outcome, bool others_may_go_on) {
  StopRenewing();
  if (IsOperationLost(outcome)) return outcome;
  const bool store_failed = ReasonOf(outcome) == Reason::STORE_FAILED;
  if (ReasonOf(outcome) == Reason::SHUTTING_DOWN || (store_failed && others_may_go_on)) {
    // Where this fails, the lease expires.
    coordination_.ReleaseOperation(name_, owner_).IgnoreError();
    return outcome;
  }
  const absl::Status ended = coordination_.EndOperation(name_, owner_, progress(), outcome);
  if (!ended.ok()) {
    Log(LogLevel::kError, "operation_not_ended", {{"operation", name_}, {"message", std::string(ended.message())}});
  }
  return outcome;
}

}  // namespace likeness
