#include "server/gallery/index_filler.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(250);
constexpr absl::Duration kAfterGivingWay = absl::Milliseconds(10);
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

IndexFiller::IndexFiller(Gallery& gallery, std::function<ModelDigest()> model)
    : gallery_(gallery), wanted_model_(std::move(model)), thread_([this] { Run(); }) {}

IndexFiller::~IndexFiller() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void IndexFiller::Run() {
  LowerThisThreadsPriority(Politeness::kModest);  // an Enroll may wait for it
  absl::Duration wait = absl::ZeroDuration();
  while (!AwaitStop(wait)) {
    if (!RunGuarded(ThreadKind::kUpkeep, [&] { wait = Fill(); }).ok()) wait = kAfterFailure;
  }
}

absl::Duration IndexFiller::Fill() {
  const ModelDigest model = wanted_model_();
  if (model_ != model) {
    model_ = model;
    begin_ = absl::Now();
    told_ = false;
  }
  const absl::StatusOr<LiveIndex::Ahead> ahead = gallery_.FillIndex(model);
  if (!ahead.ok()) return kAfterFailure;  // calls say what is wrong with the store
  if (*ahead == LiveIndex::Ahead::kMore) return absl::ZeroDuration();
  if (*ahead == LiveIndex::Ahead::kGaveWay) return kAfterGivingWay;
  if (!std::exchange(told_, true)) {
    Log(LogLevel::kInfo, "index_filled",
        {{"model", model.Hex()}, {"seconds", absl::ToDoubleSeconds(absl::Now() - begin_)}});
  }
  return kBetweenLooks;
}

bool IndexFiller::AwaitStop(absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), limit);
}

}  // namespace likeness
