// Sends a load and records what becomes of each call.
#ifndef LIKENESS_CLIENT_BENCH_LOAD_GENERATOR_H_
#define LIKENESS_CLIENT_BENCH_LOAD_GENERATOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/bench/schedule.h"
#include "client/bench/tally.h"
#include "client/bench/workload.h"
#include "grpcpp/channel.h"
#include "grpcpp/generic/generic_stub.h"

namespace likeness {

struct LoadOptions {
  // Open loop: calls are sent at this rate, whatever becomes of those before.
  std::optional<double> calls_per_second = std::nullopt;
  Arrivals arrivals = Arrivals::kPoisson;
  // Closed loop, where there is no rate: so many callers, each of whom sends a call once the one before is answered.
  int concurrency = 1;
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);          // of one call
  std::optional<std::chrono::nanoseconds> cancel_after = std::nullopt;  // callers that leave before they have an answer
};

// Calls are sent through gRPC's callback API, so that thousands may be in flight on a few threads. No call is repeated.
class LoadGenerator {
 public:
  // Takes the channels in turn; there is at least one. All arguments must outlive the generator.
  LoadGenerator(const std::vector<std::shared_ptr<grpc::Channel>>& channels, const Workload& workload,
                const LoadOptions& options, Tally& tally);

  // Sends from `start` to `end`, and returns when every call has its answer. Once.
  void Run(SteadyTime start, SteadyTime end);

  // Thread-safe: nothing more is sent.
  void Stop() { stopped_ = true; }

  // Thread-safe.
  int64_t sent() const { return sent_; }
  int64_t in_flight() const;

 private:
  struct Call;

  void Send(SteadyTime due);
  void Finish(Call& call, const grpc::Status& status);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return in_flight_ == 0; }

  const Workload& workload_;
  const LoadOptions options_;
  const std::string method_;
  Tally& tally_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  SteadyTime end_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int64_t> sent_ = 0;
  mutable absl::Mutex mutex_;
  int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_LOAD_GENERATOR_H_
