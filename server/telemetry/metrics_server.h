// Serves /metrics to Prometheus on a port of its own.
#ifndef LIKENESS_SERVER_TELEMETRY_METRICS_SERVER_H_
#define LIKENESS_SERVER_TELEMETRY_METRICS_SERVER_H_

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace likeness {

// Answers scrapes on threads of its own until it is destroyed.
//
// prometheus-cpp's own exposer is not used: its web server starts threads with a stack of 100 KiB, which is less than
// OpenBLAS and glog alone reserve in every thread, so that it cannot start beside LibTorch.
class MetricsServer {
 public:
  // `address` is HOST:PORT; port 0 takes a free one. INVALID_ARGUMENT or UNAVAILABLE when it cannot be had.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const std::string& address, std::vector<std::shared_ptr<prometheus::Collectable>> sources);
  ~MetricsServer();

  int port() const;

 private:
  struct Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_METRICS_SERVER_H_
