#include "client/cli/command_line.h"

#include <algorithm>

#include "CLI/CLI.hpp"
#include "client/cli/bench_command.h"
#include "client/cli/calibrate_command.h"
#include "client/cli/connection_options.h"
#include "client/cli/eval_command.h"
#include "client/cli/face_commands.h"
#include "client/cli/gallery_commands.h"
#include "client/cli/health_command.h"
#include "client/cli/key_commands.h"
#include "client/cli/model_commands.h"
#include "client/cli/operation_commands.h"
#include "client/cli/person_commands.h"
#include "client/cli/token_commands.h"
#include "client/cli/train_command.h"
#include "client/cli/training_commands.h"

namespace likeness {
namespace {

constexpr char kFooter[] =
    "Photos are paths of JPEG, PNG, WebP or binary PNM files; - reads standard input.\n"
    "Exit codes: 0 same person, or success; 1 different person, not serving, a damaged gallery, no call OK, or a "
    "training\n"
    "that failed or was cancelled; 2 error.";

void AddGlobalOptions(CLI::App& app, Invocation& invocation) {
  app.set_version_flag("--version", "likeness " LIKENESS_VERSION);
  app.set_help_all_flag("--help-all", "Print this help and that of every command, and exit");
  AddConnectionOptions(app, invocation.client_options);
  app.add_option_function<double>(
         "--timeout", [&invocation](double seconds) { invocation.client_options.timeout = absl::Seconds(seconds); },
         "Longest time for one call that does not follow a training, an operation or an export")
      ->type_name("SECONDS")
      ->default_str("30")
      ->check(CLI::Range(0.001, 86400.0).description(""));
  app.add_flag("--json", invocation.json, "Write results and errors as JSON, one object a line");
}

}  // namespace

ExitCode RunCommandLine(const std::vector<std::string>& arguments, Console& console) {
  Invocation invocation(console);
  CLI::App app("Face verification: is the face in this photo the person enrolled under this id?", "likeness");
  app.footer(kFooter);
  app.fallthrough();  // global options may follow the command
  app.require_subcommand(1);
  AddGlobalOptions(app, invocation);
  AddFaceCommands(app, invocation);
  AddPersonCommands(app, invocation);
  AddHealthCommand(app, invocation);
  AddEvalCommand(app, invocation);
  AddCalibrateCommand(app, invocation);
  AddBenchCommand(app, invocation);
  AddTrainCommand(app, invocation);
  AddTrainingCommands(app, invocation);
  AddModelCommands(app, invocation);
  AddOperationCommands(app, invocation);
  AddTokenCommands(app, invocation);
  AddKeyCommands(app, invocation);
  AddGalleryCommands(app, invocation);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them last first
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      app.exit(error, console.out, console.err);
      return kExitSuccess;
    }
    // Parsing may have ended before --json was reached.
    invocation.json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
    return invocation.Fail("USAGE", std::string(error.what()) + " (see likeness --help)");
  }
  return invocation.exit_code;
}

}  // namespace likeness
