// The `likeness` command line.
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "client/cli/command_line.h"

int main(int argc, char** argv) {
  likeness::Console console = {std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) == 1};
  const int exit_code = likeness::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), console);
  // An answer that could not be written must not pass for success.
  return std::cout.flush() ? exit_code : likeness::kExitError;
}
