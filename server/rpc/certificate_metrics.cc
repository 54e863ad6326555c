#include "server/rpc/certificate_metrics.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <string>

namespace likeness {
namespace {

template <typename T, void (*free)(T*)>
struct Free {
  void operator()(T* pointer) const { free(pointer); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using File = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;

File Open(const std::string& path) { return File(BIO_new_file(path.c_str(), "r")); }

// Seconds since the Unix epoch. Nothing where certificate and key cannot be read or do not belong together.
std::optional<double> FirstExpiry(const TlsFiles& files) {
  const File chain = Open(files.certificate), key_file = Open(files.key);
  if (chain == nullptr || key_file == nullptr) return std::nullopt;
  const Key key(PEM_read_bio_PrivateKey(key_file.get(), nullptr, nullptr, nullptr));
  std::optional<double> first;
  while (const auto certificate = Certificate(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))) {
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &time) != 1) return std::nullopt;
    // The server's own comes first.
    if (!first.has_value() && (key == nullptr || X509_check_private_key(certificate.get(), key.get()) != 1)) break;
    const double expiry = static_cast<double>(timegm(&time));
    first = std::min(first.value_or(expiry), expiry);
  }
  return first;
}

}  // namespace

std::vector<prometheus::MetricFamily> CertificateMetrics::Collect() const {
  absl::MutexLock lock(&mutex_);
  if (const std::optional<double> expiry = FirstExpiry(files_); expiry.has_value()) expiry_ = expiry;
  ERR_clear_error();  // the end of a file is one
  if (!expiry_.has_value()) return {};
  prometheus::ClientMetric metric;
  metric.gauge.value = *expiry_;
  return {{"likeness_certificate_expiry_timestamp_seconds",
           "When the first certificate of the server's chain expires, since the Unix epoch.",
           prometheus::MetricType::Gauge,
           {metric}}};
}

}  // namespace likeness
