// The process's own figures, under the names that Prometheus's client libraries agree on.
#ifndef LIKENESS_SERVER_TELEMETRY_PROCESS_METRICS_H_
#define LIKENESS_SERVER_TELEMETRY_PROCESS_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace likeness {

// Reads /proc/self at each scrape: processor time, memory, open files, start time; and what its threads have thrown.
// Thread-safe.
class ProcessMetrics : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_PROCESS_METRICS_H_
