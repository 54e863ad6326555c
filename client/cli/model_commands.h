// The commands on the models of a server: models list, show, activate, export, delete.
#ifndef LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddModelCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_
