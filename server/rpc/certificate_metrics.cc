#include "server/rpc/certificate_metrics.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

namespace likeness {
namespace {

// Seconds since the Unix epoch.
std::optional<double> FirstExpiry(const std::string& file) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_file(file.c_str(), "r"), &BIO_free);
  std::optional<double> first;
  while (pem != nullptr) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr), &X509_free);
    std::tm time{};
    if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &time) != 1) break;
    const double expiry = static_cast<double>(timegm(&time));
    first = std::min(first.value_or(expiry), expiry);
  }
  ERR_clear_error();  // the end of the file is one
  return first;
}

}  // namespace

std::vector<prometheus::MetricFamily> CertificateMetrics::Collect() const {
  const std::optional<double> expiry = FirstExpiry(file_);
  if (!expiry.has_value()) return {};
  prometheus::ClientMetric metric;
  metric.gauge.value = *expiry;
  return {{"likeness_certificate_expiry_timestamp_seconds",
           "When the first certificate of the server's chain expires, since the Unix epoch.",
           prometheus::MetricType::Gauge,
           {metric}}};
}

}  // namespace likeness
