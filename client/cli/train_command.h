// The command that trains a model on a folder of photos.
#ifndef LIKENESS_CLIENT_CLI_TRAIN_COMMAND_H_
#define LIKENESS_CLIENT_CLI_TRAIN_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddTrainCommand(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAIN_COMMAND_H_
