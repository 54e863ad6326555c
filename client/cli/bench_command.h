// The command that puts a server under load and measures what it does.
#ifndef LIKENESS_CLIENT_CLI_BENCH_COMMAND_H_
#define LIKENESS_CLIENT_CLI_BENCH_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/cli/invocation.h"

namespace likeness {

// Both arguments must outlive the parsing, during which the command runs.
void AddBenchCommand(CLI::App& app, Invocation& invocation);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_BENCH_COMMAND_H_
