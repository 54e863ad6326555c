// The commands about the faces in photos: verify, compare, embed.
#ifndef LIKENESS_CLIENT_CLI_FACE_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_FACE_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the chosen command runs.
void AddFaceCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_FACE_COMMANDS_H_
