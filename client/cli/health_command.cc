#include "client/cli/health_command.h"

#include <memory>
#include <ostream>

namespace likeness {
namespace {

using grpc::health::v1::HealthCheckResponse;

absl::StatusOr<ExitCode> Health(Invocation& invocation, const std::string& service) {
  const absl::StatusOr<HealthCheckResponse> response = Client(invocation.client_options).Health(service);
  if (!response.ok()) return response.status();
  const bool serving = response->status() == HealthCheckResponse::SERVING;
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    invocation.console.out << (serving ? "serving" : "not serving") << '\n';
  }
  return serving ? kExitSuccess : kExitDifferent;
}

}  // namespace

void AddHealthCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("health", "Ask whether the server, or one service of it, is serving");
  auto service = std::make_shared<std::string>();
  command->add_option("SERVICE", *service, "Full name of the service, for example likeness.v1.FaceVerificationService");
  command->callback([service, &invocation] { invocation.exit_code = invocation.Finish(Health(invocation, *service)); });
}

}  // namespace likeness
