// The command about the tokens that callers come with: tokens add.
#ifndef LIKENESS_CLIENT_CLI_TOKEN_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_TOKEN_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the chosen command runs.
void AddTokenCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TOKEN_COMMANDS_H_
