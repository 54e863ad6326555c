// The whole command line, apart from the process it runs in.
#ifndef LIKENESS_CLIENT_CLI_COMMAND_LINE_H_
#define LIKENESS_CLIENT_CLI_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "client/cli/invocation.h"

namespace likeness {

// Carries out the command that `arguments` (without the program's name) ask for, and returns the exit code.
//
//   RunCommandLine({"verify", "alice", "door.jpg", "--json"}, console)
ExitCode RunCommandLine(const std::vector<std::string>& arguments, Console& console);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_COMMAND_LINE_H_
