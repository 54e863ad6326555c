#include "server/rpc/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace likeness {

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              const std::vector<grpc::Service*>& services,
                                                              std::vector<std::string> service_names) {
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  // A second server on the same port is an error, not a silent sharing of its calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address));
  }
  std::unique_ptr<GrpcServer> started(new GrpcServer(std::move(server), port, std::move(service_names)));
  grpc::HealthCheckServiceInterface* health = started->server_->GetHealthCheckService();
  health->SetServingStatus(false);
  for (const std::string& name : started->service_names_) health->SetServingStatus(name, false);
  return started;
}

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server, int port, std::vector<std::string> service_names)
    : server_(std::move(server)), port_(port), service_names_(std::move(service_names)) {}

void GrpcServer::SetServing() {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus("", true);
  for (const std::string& name : service_names_) health->SetServingStatus(name, true);
}

void GrpcServer::ShutDown(absl::Duration drain_delay, absl::Duration grace_period) {
  server_->GetHealthCheckService()->Shutdown();
  absl::SleepFor(drain_delay);
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace_period));
}

}  // namespace likeness
