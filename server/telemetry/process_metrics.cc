#include "server/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

prometheus::MetricFamily Figure(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return {name, help, type, {metric}};
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Pages of virtual and resident memory, from proc(5)'s statm.
struct Memory {
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

Memory ReadMemory() {
  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0, resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {virtual_pages * page, resident_pages * page};
}

double Threads() {
  std::ifstream status("/proc/self/status");
  double threads = 0;
  for (std::string word; status >> word;) {
    if (word == "Threads:") status >> threads;
  }
  return threads;
}

double OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(files), end(files)));
}

// Seconds since the epoch: the boot time plus the start in clock ticks since then, field 22 of proc(5)'s stat.
double StartTime() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));  // the name before may contain spaces
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  std::ifstream system("/proc/stat");
  double boot = 0;
  for (std::string word; system >> word;) {
    if (word == "btime") system >> boot;
  }
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

prometheus::MetricFamily FailuresOfThreads() {
  prometheus::MetricFamily family{"likeness_thread_failures_total",
                                  "Exceptions that reached the outermost function of a thread, which went on.",
                                  prometheus::MetricType::Counter,
                                  {}};
  for (int i = 0; i < kThreadKindCount; ++i) {
    const auto kind = static_cast<ThreadKind>(i);
    prometheus::ClientMetric metric;
    metric.label = {{"thread", std::string(ThreadName(kind))}};
    metric.counter.value = static_cast<double>(ThreadFailures(kind));
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using Type = prometheus::MetricType;
  static const double start_time = StartTime();
  const Memory memory = ReadMemory();
  return {
      Figure("process_cpu_seconds_total", "Processor time spent, user and system.", Type::Counter, ProcessorSeconds()),
      Figure("process_resident_memory_bytes", "Resident memory.", Type::Gauge, memory.resident_bytes),
      Figure("process_virtual_memory_bytes", "Virtual memory.", Type::Gauge, memory.virtual_bytes),
      Figure("process_open_fds", "Open file descriptors.", Type::Gauge, OpenFiles()),
      Figure("process_threads", "Threads.", Type::Gauge, Threads()),
      Figure("process_start_time_seconds", "Start of the process since the Unix epoch.", Type::Gauge, start_time),
      Figure("likeness_log_lines_dropped_total", "Lines of the log that nobody took in time.", Type::Counter,
             static_cast<double>(LogLinesDropped())),
      FailuresOfThreads(),
  };
}

}  // namespace likeness
