#include "server/access/mismatch_guard.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/errors/errors.h"

namespace likeness {
namespace {

constexpr size_t kMaxRows = 100'000;
constexpr absl::Duration kForgetAfter = absl::Hours(1);
constexpr int kMostDoublings = 30;

}  // namespace

MismatchGuard::MismatchGuard(MismatchOptions options, std::function<absl::Time()> now)
    : options_(options), now_(std::move(now)) {}

absl::Duration MismatchGuard::DelayAfter(int mismatches) const {
  if (mismatches < options_.free) return absl::ZeroDuration();
  const int doublings = std::min(mismatches - options_.free, kMostDoublings);
  return std::min(options_.longest, options_.delay * (int64_t{1} << doublings));
}

absl::Status MismatchGuard::Check(absl::string_view person_id) {
  if (options_.free == 0) return absl::OkStatus();
  const PersonKey person = PersonKeyOf(person_id);
  const absl::Time now = now_();
  absl::MutexLock lock(&mutex_);
  const auto found = by_person_.find(person);
  if (found == by_person_.end() || found->second->mismatches < options_.free) return absl::OkStatus();
  Row& row = *found->second;
  if (now - row.last > kForgetAfter) {
    rows_.erase(found->second);
    by_person_.erase(found);
    return absl::OkStatus();
  }
  if (now < row.next) {
    return WithRetryDelay(
        MakeError(Reason::TOO_MANY_MISMATCHES, "too many faces in a row were not the person's; the next has to wait"),
        row.next - now);
  }
  // Others that come before this one's verdict wait as if it were a mismatch.
  row.next = now + DelayAfter(row.mismatches);
  return absl::OkStatus();
}

void MismatchGuard::Note(absl::string_view person_id, bool matched) {
  if (options_.free == 0) return;
  const PersonKey person = PersonKeyOf(person_id);
  const absl::Time now = now_();
  absl::MutexLock lock(&mutex_);
  const auto found = by_person_.find(person);
  if (matched) {
    if (found == by_person_.end()) return;
    rows_.erase(found->second);
    by_person_.erase(found);
    return;
  }
  if (found == by_person_.end()) {
    if (rows_.size() >= kMaxRows) {
      by_person_.erase(rows_.back().person);
      rows_.pop_back();
    }
    rows_.push_front({.person = person, .mismatches = 0, .next = now, .last = now});
    by_person_[person] = rows_.begin();
  } else {
    rows_.splice(rows_.begin(), rows_, found->second);
  }
  Row& row = rows_.front();
  ++row.mismatches;
  row.last = now;
  row.next = now + DelayAfter(row.mismatches);
}

}  // namespace likeness
