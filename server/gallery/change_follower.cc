#include "server/gallery/change_follower.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenSyncs = absl::Milliseconds(500);
constexpr absl::Duration kBetweenModelTries = absl::Seconds(3);
// Whoever has not asked for so long forgets everything instead.
constexpr absl::Duration kLogAge = absl::Hours(1);
constexpr absl::Duration kBetweenForgettings = absl::Seconds(10);

}  // namespace

ChangeFollower::ChangeFollower(Gallery& gallery, Callbacks callbacks)
    : gallery_(gallery), callbacks_(std::move(callbacks)), next_forgetting_(absl::Now() + kBetweenForgettings) {
  thread_ = std::thread([this] { Run(); });
}

ChangeFollower::~ChangeFollower() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void ChangeFollower::Run() {
  bool reachable = true, intact = true;
  const auto report = [&](bool reached) {
    if (reached != reachable || gallery_.intact() != intact) callbacks_.on_reachable(reached);
    reachable = reached;
    intact = gallery_.intact();
  };
  const auto pause = [this] {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kBetweenSyncs);
  };
  while (!Stopping()) {
    const absl::Status ran = RunGuarded(ThreadKind::kFollower, [&] {
      report(Sync());
      if (!gallery_.shared()) return pause();
      if (reachable) FollowModels();
      gallery_.AwaitChange(kBetweenSyncs);
    });
    if (ran.ok()) continue;
    // As long as it cannot be seen to, nobody knows what has changed.
    RunGuarded(ThreadKind::kFollower, [&] { report(false); }).IgnoreError();
    pause();
  }
}

bool ChangeFollower::Sync() {
  if (!gallery_.Sync().ok()) return false;
  // Also of those that a call has taken note of meanwhile.
  if (const int64_t changes = gallery_.model_changes(); changes != model_changes_) {
    model_changes_ = changes;
    next_models_ = absl::InfinitePast();
  }
  const absl::Time now = absl::Now();
  if (now >= next_forgetting_) {
    next_forgetting_ = now + kBetweenForgettings;
    if (absl::Status status = gallery_.ForgetChanges(kLogAge); !status.ok()) return false;
  }
  return true;
}

void ChangeFollower::FollowModels() {
  const absl::Time now = absl::Now();
  if (now < next_models_) return;
  const absl::Status status = callbacks_.follow_models();
  next_models_ = now + kBetweenModelTries;
  std::string complaint(status.message());
  if (!complaint.empty() && complaint != complaint_) {
    Log(LogLevel::kError, "model_not_followed", {{"message", complaint}});
  }
  complaint_ = std::move(complaint);
}

}  // namespace likeness
