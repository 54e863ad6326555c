#include "server/rpc/grpc_server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace likeness {

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              const std::vector<grpc::Service*>& services,
                                                              std::vector<std::string> service_names) {
  const absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> credentials = MakeServerCredentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  if (options.channelz) grpc::channelz::experimental::InitChannelzService();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, *credentials, &port);
  // A second server on the same port is an error, not a silent sharing of its calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  if (options.max_connection_age != absl::InfiniteDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               static_cast<int>(absl::ToInt64Milliseconds(options.max_connection_age)));
  }
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

GrpcServer::~GrpcServer() { ShutDown(); }

void GrpcServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus("", serving);
  for (const std::string& name : service_names_) health->SetServingStatus(name, serving);
}

void GrpcServer::SetPartServing(const std::string& part, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(part, serving);
}

void GrpcServer::SetNotServing() { server_->GetHealthCheckService()->Shutdown(); }

void GrpcServer::ShutDown() {
  // Health watches end only when they are cancelled, so gRPC's own grace period would always be waited out in full. By
  // now the calls that matter have been answered; this is for answers to refusals that are still on their way.
  constexpr absl::Duration kLastAnswers = absl::Milliseconds(200);
  server_->Shutdown(absl::ToChronoTime(absl::Now() + kLastAnswers));
}

}  // namespace likeness
