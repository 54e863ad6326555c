// `likeness keys`: the master keys that a gallery is encrypted with.
#ifndef LIKENESS_CLIENT_CLI_KEY_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_KEY_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "client/cli/invocation.h"

namespace likeness {

// Both must outlive the parsing.
void AddKeyCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_KEY_COMMANDS_H_
