// likeness operations: the long operations of a gallery.
#ifndef LIKENESS_CLIENT_CLI_OPERATION_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_OPERATION_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "client/cli/invocation.h"

namespace likeness {

void AddOperationCommands(CLI::App& app, Invocation& invocation);

// How to go on with an operation that the command does not wait for any more.
std::string GoesOnText(absl::string_view what, absl::string_view operation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_OPERATION_COMMANDS_H_
