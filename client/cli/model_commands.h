// The commands on the models of a server: models list, show, allow, activate, export, delete.
#ifndef LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddModelCommands(CLI::App& app, Invocation& invocation);

// What `likeness models activate DIGEST` does.
absl::StatusOr<ExitCode> ActivateModel(Invocation& invocation, const std::string& digest);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_MODEL_COMMANDS_H_
