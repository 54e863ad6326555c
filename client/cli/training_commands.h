// The commands on trainings that a server has: trainings list, show, watch, cancel.
#ifndef LIKENESS_CLIENT_CLI_TRAINING_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_TRAINING_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddTrainingCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAINING_COMMANDS_H_
