// How the server proves who it is, and asks callers to: TLS.
#ifndef LIKENESS_SERVER_RPC_SERVER_CREDENTIALS_H_
#define LIKENESS_SERVER_RPC_SERVER_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace likeness {

// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  // the server's, and those between it and the root; empty: no TLS
  std::string key;          // of the certificate
  std::string client_ca;    // callers must have a certificate by one of these; empty: they need none
};

// The files are read again every ten seconds, and new connections get what is then in them; one that does not match the
// others changes nothing. FAILED_PRECONDITION, naming the file, where they cannot be used now.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_SERVER_CREDENTIALS_H_
