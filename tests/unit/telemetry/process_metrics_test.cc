#include "server/telemetry/process_metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace likeness {
namespace {

std::map<std::string, double> Figures() {
  std::map<std::string, double> figures;
  for (const prometheus::MetricFamily& family : ProcessMetrics().Collect()) {
    if (family.name == "likeness_thread_failures_total") continue;  // one for each kind of thread
    EXPECT_EQ(family.metric.size(), 1u) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    const prometheus::ClientMetric& metric = family.metric.front();
    figures[family.name] = family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  return figures;
}

TEST(ProcessMetricsTest, AreOfThisProcess) {
  const std::map<std::string, double> figures = Figures();
  EXPECT_EQ(figures.size(), 7u);
  EXPECT_GT(figures.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(figures.at("process_virtual_memory_bytes"), figures.at("process_resident_memory_bytes"));
  EXPECT_GE(figures.at("process_cpu_seconds_total"), 0);
  EXPECT_GE(figures.at("process_open_fds"), 3);
  EXPECT_GE(figures.at("process_threads"), 1);
}

TEST(ProcessMetricsTest, StartedInThePastAndNotLongAgo) {
  const double start = Figures().at("process_start_time_seconds");
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(start, now + 1);
  EXPECT_GT(start, now - 86400);
}

TEST(ProcessMetricsTest, SeeAFileThatWasOpened) {
  const double before = Figures().at("process_open_fds");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(Figures().at("process_open_fds"), before + 2);
  close(ends[0]);
  close(ends[1]);
}

TEST(ProcessMetricsTest, SeeMemoryThatWasTaken) {
  const double before = Figures().at("process_resident_memory_bytes");
  const std::vector<char> taken(64 << 20, 'x');
  EXPECT_GE(Figures().at("process_resident_memory_bytes"), before + (60 << 20)) << taken.back();
}

}  // namespace
}  // namespace likeness
