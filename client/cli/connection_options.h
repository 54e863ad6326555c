// The options of every command that say how to reach the server: --server, --tls, --tls-ca and the like, --token-file.
#ifndef LIKENESS_CLIENT_CLI_CONNECTION_OPTIONS_H_
#define LIKENESS_CLIENT_CLI_CONNECTION_OPTIONS_H_

#include "CLI/CLI.hpp"
#include "client/client.h"

namespace likeness {

// `options` must outlive the parsing, which fills it. A token comes from a file or from LIKENESS_TOKEN, never from the
// command line itself, which everybody on the machine can read.
void AddConnectionOptions(CLI::App& app, Client::Options& options);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_CONNECTION_OPTIONS_H_
