// When the server's certificate expires, as a metric.
#ifndef LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_
#define LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace likeness {

// Reads the file at each scrape, so that a renewed certificate counts at once. Gives nothing while it cannot be read.
// Thread-safe.
class CertificateMetrics : public prometheus::Collectable {
 public:
  // `file` is a PEM chain; of its certificates the one that expires first counts.
  explicit CertificateMetrics(std::string file) : file_(std::move(file)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string file_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_
