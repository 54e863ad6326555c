#include "server/gallery/change_follower.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenSyncs = absl::Milliseconds(500);
constexpr absl::Duration kBetweenModelTries = absl::Seconds(3);
// Whoever has not asked for so long forgets everything instead.
constexpr absl::Duration kLogAge = absl::Hours(1);
constexpr absl::Duration kBetweenForgettings = absl::Minutes(10);

}  // namespace

ChangeFollower::ChangeFollower(Gallery& gallery, Callbacks callbacks)
    : gallery_(gallery), callbacks_(std::move(callbacks)), next_forgetting_(absl::Now() + kBetweenForgettings) {
  if (gallery_.shared()) thread_ = std::thread([this] { Run(); });
}

ChangeFollower::~ChangeFollower() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void ChangeFollower::Run() {
  bool reachable = true;
  while (!Stopping()) {
    const bool reached = Sync();
    if (reached != reachable) callbacks_.on_reachable(reached);
    reachable = reached;
    if (reachable) FollowModels();
    gallery_.AwaitChange(kBetweenSyncs);
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
