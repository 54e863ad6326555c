#include "client/bench/tally.h"

#include <chrono>
#include <utility>

#include "client/call_status.h"

namespace likeness {
namespace {

double MillisecondsBetween(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

std::vector<double> Results::Of(const CodeAndReason& code_and_reason) const {
  const auto found = latencies.find(code_and_reason);
  return found == latencies.end() ? std::vector<double>() : found->second;
}

void Tally::Add(const Outcome& outcome) {
  const std::string reason = ErrorReasonOf(outcome.status);
  const bool with_retry_delay = RetryDelayOf(outcome.status).has_value();
  absl::MutexLock lock(&mutex_);
  const bool refused = reason == "OVERLOADED";
  ++(outcome.status.ok() ? progress_.ok : refused ? progress_.refused : progress_.failed);
  if (outcome.due < from_ || outcome.due >= until_) return;
  results_.latencies[{outcome.status.code(), reason}].push_back(MillisecondsBetween(outcome.due, outcome.finished));
  results_.delays_of_sending.push_back(MillisecondsBetween(outcome.due, outcome.sent));
  results_.refused_with_retry_delay += refused && with_retry_delay;
}

Tally::Progress Tally::progress() const {
  absl::MutexLock lock(&mutex_);
  return progress_;
}

Results Tally::TakeResults() {
  absl::MutexLock lock(&mutex_);
  return std::move(results_);
}

}  // namespace likeness
