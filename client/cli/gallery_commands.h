// `likeness gallery`: backup, restore and check of a gallery's SQLite file, without a server.
#ifndef LIKENESS_CLIENT_CLI_GALLERY_COMMANDS_H_
#define LIKENESS_CLIENT_CLI_GALLERY_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

void AddGalleryCommands(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_GALLERY_COMMANDS_H_
