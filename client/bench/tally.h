// What became of a load's calls.
#ifndef LIKENESS_CLIENT_BENCH_TALLY_H_
#define LIKENESS_CLIENT_BENCH_TALLY_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/bench/schedule.h"

namespace likeness {

// One call, as its caller saw it.
struct Outcome {
  SteadyTime due;       // when it should have been sent
  SteadyTime sent;      // when it was
  SteadyTime finished;  // when its answer was there
  absl::Status status;  // with the server's details
};

// A code and the server's reason for it, which may be empty.
using CodeAndReason = std::pair<absl::StatusCode, std::string>;

// The calls that were due within the measured time. Latencies are exact, each counted from the call's due time, in
// milliseconds.
struct Results {
  std::map<CodeAndReason, std::vector<double>> latencies;
  std::vector<double> delays_of_sending;  // from due to sent: what the generator itself adds
  int64_t refused_with_retry_delay = 0;

  int64_t calls() const { return static_cast<int64_t>(delays_of_sending.size()); }
  // Latencies of the calls that were answered, and of those the server refused because it was overloaded.
  std::vector<double> ok() const { return Of({absl::StatusCode::kOk, ""}); }
  std::vector<double> refused() const { return Of({absl::StatusCode::kResourceExhausted, "OVERLOADED"}); }

 private:
  std::vector<double> Of(const CodeAndReason& code_and_reason) const;
};

// Thread-safe.
class Tally {
 public:
  // Counted from the first call on, warm-up included.
  struct Progress {
    int64_t ok = 0;
    int64_t refused = 0;
    int64_t failed = 0;  // every other code
  };

  // Measures the calls that are due from `from` on and before `until`.
  Tally(SteadyTime from, SteadyTime until) : from_(from), until_(until) {}

  void Add(const Outcome& outcome);

  Progress progress() const;
  Results TakeResults();

 private:
  const SteadyTime from_;
  const SteadyTime until_;
  mutable absl::Mutex mutex_;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  Results results_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_TALLY_H_
