// What a set of latencies comes to.
#ifndef LIKENESS_CLIENT_BENCH_LATENCY_H_
#define LIKENESS_CLIENT_BENCH_LATENCY_H_

#include <cstdint>
#include <vector>

namespace likeness {

// Milliseconds; all zero where nothing was measured.
struct LatencySummary {
  int64_t count = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

// Percentiles are by nearest rank: the smallest of the values that at least the given share of them does not exceed.
LatencySummary Summarize(std::vector<double> milliseconds);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_LATENCY_H_
