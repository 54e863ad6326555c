// A benchmark of a running server: a load, and what it came to.
#ifndef LIKENESS_CLIENT_BENCH_BENCH_H_
#define LIKENESS_CLIENT_BENCH_BENCH_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/bench/load_generator.h"
#include "client/bench/server_figures.h"
#include "client/bench/tally.h"
#include "client/bench/workload.h"
#include "grpcpp/security/credentials.h"

namespace likeness {

struct BenchOptions {
  std::string target = "localhost:50051";
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  BenchMethod method = BenchMethod::kVerify;
  LoadOptions load;
  int connections = 1;
  std::chrono::nanoseconds warm_up = std::chrono::seconds(2);  // sent like the rest, and not counted
  std::chrono::nanoseconds duration = std::chrono::seconds(10);
  std::string metrics_address;  // HOST:PORT of the server's metrics; empty: its own figures are not reported
};

// Taken when the measured time starts and when it ends.
struct StartAndEnd {
  ServerFigures start;
  ServerFigures end;
};

struct BenchReport {
  BenchOptions options;
  double seconds = 0;  // measured; less than asked for when the run was ended early
  Results results;
  std::optional<StartAndEnd> server;
  double generator_processor_seconds = 0;  // of this process, within the measured time
  std::string not_deleted;                 // prefix of persons that could not be deleted; empty: all were
};

// How far a run has come.
struct BenchProgress {
  double seconds = 0;        // since the first call
  double total_seconds = 0;  // warm-up included
  Tally::Progress calls;
  int64_t in_flight = 0;
};

// Connects, prepares, loads, reads the server's figures, cleans up. Fails before the first call when the server or its
// metrics cannot be reached. `on_progress` is called some times a second and ends the run early by returning false.
absl::StatusOr<BenchReport> RunBench(const BenchOptions& options, const std::vector<std::string>& photos,
                                     const std::function<bool(const BenchProgress&)>& on_progress);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_BENCH_H_
