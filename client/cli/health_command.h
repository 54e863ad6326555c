// The command that asks whether the server is serving.
#ifndef LIKENESS_CLIENT_CLI_HEALTH_COMMAND_H_
#define LIKENESS_CLIENT_CLI_HEALTH_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddHealthCommand(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_HEALTH_COMMAND_H_
