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

IndexFiller::IndexFiller(Gallery& gallery, std::function<Subject()> subject)
    : gallery_(gallery), subject_(std::move(subject)), thread_([this] { Run(); }) {}

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
  const Subject subject = subject_();
  if (model_ != subject.model) {
    model_ = subject.model;
    begin_ = absl::Now();
    told_ = false;
  }
  const absl::StatusOr<LiveIndex::Ahead> ahead = gallery_.FillIndex(subject.model, subject.cohort.get());
  if (!ahead.ok()) return kAfterFailure;  // calls say what is wrong with the store
  if (*ahead == LiveIndex::Ahead::kMore) return absl::ZeroDuration();
  if (*ahead == LiveIndex::Ahead::kGaveWay) return kAfterGivingWay;
  if (!std::exchange(told_, true)) {
    Log(LogLevel::kInfo, "index_filled",
        {{"model", subject.model.Hex()}, {"seconds", absl::ToDoubleSeconds(absl::Now() - begin_)}});
  }
  return kBetweenLooks;
}

bool IndexFiller::AwaitStop(absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), limit);
}

}  // namespace likeness
