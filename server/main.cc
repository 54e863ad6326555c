// likeness-server: reads the configuration and serves until a signal asks it to end.
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "server/config/server_config.h"
#include "server/end_signals.h"
#include "server/rpc/grpc_log.h"
#include "server/server.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

int Run(int argc, char** argv) {
  const EndSignals end_signals;
  const CommandLine command_line = ParseCommandLine(argc, argv);
  if (command_line.exit) {
    std::fputs(command_line.output.c_str(), command_line.exit_code == 0 ? stdout : stderr);
    return command_line.exit_code;
  }
  SetLogLevel(command_line.config.log_level);
  LogWhatGrpcSays();
  const absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(command_line.config);
  if (!server.ok()) {
    Log(LogLevel::kError, "failed", {{"message", std::string(server.status().message())}});
    return 1;
  }
  const int signal = end_signals.Wait();
  Log(LogLevel::kInfo, "shutting_down", {{"signal", signal}});
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  try {
    return likeness::Run(argc, argv);
  } catch (const std::exception& error) {
    likeness::Log(likeness::LogLevel::kError, "failed", {{"message", std::string(error.what())}});
    return 1;
  }
}
