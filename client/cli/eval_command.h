// The command that measures a server's accuracy on photos of known people.
#ifndef LIKENESS_CLIENT_CLI_EVAL_COMMAND_H_
#define LIKENESS_CLIENT_CLI_EVAL_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddEvalCommand(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_EVAL_COMMAND_H_
