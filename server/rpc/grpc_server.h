// The listening gRPC server: services, health, reflection, limits, and an orderly end.
#ifndef LIKENESS_SERVER_RPC_GRPC_SERVER_H_
#define LIKENESS_SERVER_RPC_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/server_credentials.h"

namespace likeness {

struct GrpcServerOptions {
  std::string address = "127.0.0.1:50051";  // port 0: any free one
  int max_message_bytes = 16 << 20;
  bool reflection = true;
  bool channelz = false;
  absl::Duration max_connection_age = absl::InfiniteDuration();  // calls that are open then are answered all the same
  TlsFiles tls = {};
};

// Not thread-safe, except that calls are answered on gRPC's threads from Start() on.
class GrpcServer {
 public:
  // Listens and answers grpc.health.v1: NOT_SERVING for "" and for every service's full name until SetServing().
  // UNAVAILABLE when the address cannot be had; the errors of MakeServerCredentials(). The services must outlive the
  // server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options,
                                                           const std::vector<grpc::Service*>& services,
                                                           std::vector<std::string> service_names);

  // As ShutDown().
  ~GrpcServer();

  int port() const { return port_; }
  void SetServing(bool serving = true);

  // What the health service says of a part of the server, by its name. Parts are no services: their state changes
  // nothing else.
  void SetPartServing(const std::string& part, bool serving);

  // Says NOT_SERVING to everyone who asks and to everyone who watches.
  void SetNotServing();

  // Closes the door and ends all calls that are still open: health watchers, and whatever was not answered in time.
  void ShutDown();

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, int port, std::vector<std::string> service_names);

  const std::unique_ptr<grpc::Server> server_;
  const int port_;
  const std::vector<std::string> service_names_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_GRPC_SERVER_H_
