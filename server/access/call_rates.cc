#include "server/access/call_rates.h"

#include <algorithm>

#include "server/errors/errors.h"

namespace likeness {
namespace {

double Capacity(double calls_per_second) { return std::max(1.0, calls_per_second); }

double CallsAt(absl::Time now, double calls, absl::Time time, double calls_per_second) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - time));
  return std::min(Capacity(calls_per_second), calls + seconds * calls_per_second);
}

}  // namespace

absl::Status CallRates::Take(absl::string_view caller, double calls_per_second) {
  const absl::Time now = now_();
  absl::MutexLock lock(&mutex_);
  if (buckets_.size() >= forget_at_) ForgetFullBuckets(now);
  const auto [found, added] = buckets_.try_emplace(caller);
  Bucket& bucket = found->second;
  bucket.calls = added ? Capacity(calls_per_second) : CallsAt(now, bucket.calls, bucket.time, calls_per_second);
  bucket.time = now;
  bucket.calls_per_second = calls_per_second;
  if (bucket.calls >= 1) {
    bucket.calls -= 1;
    return absl::OkStatus();
  }
  return WithRetryDelay(MakeError(Reason::RATE_LIMITED, "the caller makes more calls than it may"),
                        absl::Seconds((1 - bucket.calls) / calls_per_second));
}

void CallRates::ForgetFullBuckets(absl::Time now) {
  absl::erase_if(buckets_, [now](const auto& entry) {
    const Bucket& bucket = entry.second;
    return CallsAt(now, bucket.calls, bucket.time, bucket.calls_per_second) >= Capacity(bucket.calls_per_second);
  });
  forget_at_ = std::max<size_t>(1024, 2 * buckets_.size());
}

}  // namespace likeness
