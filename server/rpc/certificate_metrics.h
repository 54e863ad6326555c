// When the server's certificate expires, as a metric.
#ifndef LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_
#define LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/rpc/server_credentials.h"

namespace likeness {

// Reads the files at each scrape, so that a renewed certificate counts at once. While they cannot be read, or the key
// is not the certificate's, the ones before count: gRPC serves those. Of a chain the certificate that expires first
// counts. Thread-safe.
class CertificateMetrics : public prometheus::Collectable {
 public:
  explicit CertificateMetrics(TlsFiles files) : files_(std::move(files)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const TlsFiles files_;
  mutable absl::Mutex mutex_;
  mutable std::optional<double> expiry_ ABSL_GUARDED_BY(mutex_);  // seconds since the Unix epoch
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CERTIFICATE_METRICS_H_
