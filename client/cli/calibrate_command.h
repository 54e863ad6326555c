// The command that measures a bundle's operating points and calibration, and writes a bundle that carries them.
#ifndef LIKENESS_CLIENT_CLI_CALIBRATE_COMMAND_H_
#define LIKENESS_CLIENT_CLI_CALIBRATE_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddCalibrateCommand(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_CALIBRATE_COMMAND_H_
