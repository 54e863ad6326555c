#include "server/image/codecs/decode_budget.h"

#include <ctime>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

constexpr double kBetweenLooks = 0.002;

double SecondsOf(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

DecodeBudget::DecodeBudget(double max_seconds, StillWanted still_wanted)
    : max_seconds_(max_seconds), start_(SecondsOf(CLOCK_THREAD_CPUTIME_ID)), still_wanted_(still_wanted) {}

absl::Status DecodeBudget::Check() {
  const double now = SecondsOf(CLOCK_MONOTONIC_COARSE);  // a few nanoseconds, where the others are system calls
  if (now < next_look_) return absl::OkStatus();
  next_look_ = now + kBetweenLooks;
  if (absl::Status wanted = still_wanted_(); !wanted.ok()) return wanted;
  if (SecondsOf(CLOCK_THREAD_CPUTIME_ID) - start_ <= max_seconds_) return absl::OkStatus();
  return TooCostly(absl::StrCat("takes more than ", max_seconds_, " s of processor time (--max-photo-seconds)"));
}

absl::Status TooCostly(absl::string_view why) {
  return MakeError(Reason::PHOTO_TOO_COSTLY,
                   absl::StrCat("decoding the photo ", why, "; send it smaller, or as a baseline JPEG"));
}

absl::Status CheckDecoderMemory(int64_t bytes) {
  if (bytes <= kMostDecoderBytes) return absl::OkStatus();
  return TooCostly(absl::StrCat("takes ", bytes / 1'000'000, " MB of memory, and at most ",
                                kMostDecoderBytes / 1'000'000, " MB are given"));
}

}  // namespace likeness
