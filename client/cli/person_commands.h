// The commands about enrolled persons: enroll, persons list, persons get, persons delete.
#ifndef LIKENESS_CLIENT_CLI_PERSON_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_PERSON_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the chosen command runs.
void AddPersonCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_PERSON_COMMANDS_H_
