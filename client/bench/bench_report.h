// A benchmark's report, for people and for machines.
#ifndef LIKENESS_CLIENT_BENCH_BENCH_REPORT_H_
#define LIKENESS_CLIENT_BENCH_BENCH_REPORT_H_

#include <string>

#include "client/bench/bench.h"

namespace likeness {

// Some lines, the last one ended.
std::string ReportText(const BenchReport& report);

// One line of JSON without a line break. Times are in seconds, latencies in milliseconds, memory in bytes.
std::string ReportJson(const BenchReport& report);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_BENCH_BENCH_REPORT_H_
