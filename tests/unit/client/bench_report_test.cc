#include "client/bench/bench_report.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

BenchReport SomeReport() {
  BenchReport report;
  report.options.load.calls_per_second = 300;
  report.options.warm_up = std::chrono::milliseconds(2500);
  report.seconds = 2;
  report.results.latencies[{absl::StatusCode::kOk, ""}] = {10, 20, 30, 40};
  report.results.latencies[{absl::StatusCode::kResourceExhausted, "OVERLOADED"}] = {1, 3};
  report.results.latencies[{absl::StatusCode::kDeadlineExceeded, ""}] = {1000};
  report.results.delays_of_sending = {0, 0, 0, 0, 0, 0, 2};
  report.results.refused_with_retry_delay = 2;
  report.server = StartAndEnd{{1.5, 130e6, 21}, {1.53125, 131e6, 22}};
  report.generator_processor_seconds = 0.0014;
  return report;
}

TEST(BenchReportTest, SaysWhatWasMeasured) {
  EXPECT_EQ(ReportText(SomeReport()),
            "load        Verify, open loop, 300 calls a second (poisson arrivals)\n"
            "            2.0 s after 2.5 s of warm-up, 1 connection\n"
            "calls       7, 3.5 a second\n"
            "OK          4, 2.0 a second\n"
            "            latency p50 20.0 ms, p90 40.0, p99 40.0, max 40.0\n"
            "refused     2, 1.0 a second\n"
            "            latency p50 1.0 ms, p90 3.0, p99 3.0, max 3.0\n"
            "codes       OK  4\n"
            "            DEADLINE_EXCEEDED  1\n"
            "            RESOURCE_EXHAUSTED OVERLOADED  2\n"
            "server      7.81 ms of processor time per OK call, 0.0 s in all\n"
            "            memory 130.0 MB at the start, 131.0 MB at the end; open files 21, 22\n"
            "generator   0.20 ms of processor time per call; calls left late by p99 2.0 ms, max 2.0\n");
}

TEST(BenchReportTest, LeavesOutWhatWasNotMeasured) {
  BenchReport report = SomeReport();
  report.options.load = {.concurrency = 8};
  report.server.reset();
  report.results.latencies.erase({absl::StatusCode::kResourceExhausted, "OVERLOADED"});
  const std::string text = ReportText(report);
  EXPECT_THAT(text, HasSubstr("closed loop of 8 callers\n"));
  EXPECT_THAT(text, Not(HasSubstr("refused")));
  EXPECT_THAT(text, Not(HasSubstr("server")));
  EXPECT_THAT(text, Not(HasSubstr("late by")));
}

TEST(BenchReportTest, HasEveryFigureAsJson) {
  EXPECT_EQ(json::parse(ReportJson(SomeReport())), json::parse(R"({
    "method": "verify",
    "loop": {"kind": "open", "rate": 300.0, "arrivals": "poisson"},
    "connections": 1,
    "warm_up_seconds": 2.5,
    "seconds": 2.0,
    "calls": 7,
    "throughput_per_second": 3.5,
    "goodput_per_second": 2.0,
    "ok": {"latency_ms": {"count": 4, "p50": 20.0, "p90": 40.0, "p99": 40.0, "max": 40.0}},
    "refused": {"latency_ms": {"count": 2, "p50": 1.0, "p90": 3.0, "p99": 3.0, "max": 3.0}, "with_retry_delay": 2},
    "codes": [
      {"code": "OK", "reason": "", "calls": 4,
       "latency_ms": {"count": 4, "p50": 20.0, "p90": 40.0, "p99": 40.0, "max": 40.0}},
      {"code": "DEADLINE_EXCEEDED", "reason": "", "calls": 1,
       "latency_ms": {"count": 1, "p50": 1000.0, "p90": 1000.0, "p99": 1000.0, "max": 1000.0}},
      {"code": "RESOURCE_EXHAUSTED", "reason": "OVERLOADED", "calls": 2,
       "latency_ms": {"count": 2, "p50": 1.0, "p90": 3.0, "p99": 3.0, "max": 3.0}}
    ],
    "server": {"processor_seconds": 0.03125, "processor_ms_per_ok_call": 7.8125,
               "resident_bytes": {"start": 130000000.0, "end": 131000000.0}, "open_files": {"start": 21.0, "end": 22.0}},
    "generator": {"processor_seconds": 0.0014,
                  "delay_of_sending_ms": {"count": 7, "p50": 0.0, "p90": 2.0, "p99": 2.0, "max": 2.0}}
  })"));
}

TEST(BenchReportTest, HasNoProcessorTimePerCallWhereNoCallWasOk) {
  BenchReport report = SomeReport();
  report.options.load = {.concurrency = 8};
  report.results.latencies.erase({absl::StatusCode::kOk, ""});
  const json parsed = json::parse(ReportJson(report));
  EXPECT_EQ(parsed["goodput_per_second"], 0);
  EXPECT_TRUE(parsed["server"]["processor_ms_per_ok_call"].is_null());
  EXPECT_EQ(parsed["loop"], json::parse(R"({"kind": "closed", "concurrency": 8})"));
  report.server.reset();
  EXPECT_TRUE(json::parse(ReportJson(report))["server"].is_null());
}

}  // namespace
}  // namespace likeness
