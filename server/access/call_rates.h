// How often each caller may call: a token bucket for each.
#ifndef LIKENESS_SERVER_ACCESS_CALL_RATES_H_
#define LIKENESS_SERVER_ACCESS_CALL_RATES_H_

#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace likeness {

// Thread-safe. A bucket holds what one second allows, at least one call. Counted in this server only.
class CallRates {
 public:
  explicit CallRates(std::function<absl::Time()> now) : now_(std::move(now)) {}

  // Takes one call of `caller`, who may make so many (above 0) a second. RATE_LIMITED, with the time after which there
  // is one to take again.
  absl::Status Take(absl::string_view caller, double calls_per_second);

 private:
  struct Bucket {
    double calls = 0;  // that may be taken at `time`
    absl::Time time;
    double calls_per_second = 0;
  };
  // Forgets the buckets that are full again: a new one would be no different.
  void ForgetFullBuckets(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
  size_t forget_at_ ABSL_GUARDED_BY(mutex_) = 1024;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_CALL_RATES_H_
