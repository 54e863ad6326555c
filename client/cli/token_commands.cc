#include "client/cli/token_commands.h"

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "server/access/token_file.h"
#include "server/files/files.h"

namespace likeness {
namespace {

struct AddOptions {
  std::string file;
  std::string name;
  std::vector<std::string> scopes;
  int days = 90;
  CallerLimits limits;
};

absl::StatusOr<ExitCode> AddToken(Invocation& invocation, const AddOptions& options) {
  std::string text;
  if (std::filesystem::exists(options.file)) {
    absl::StatusOr<std::string> read = ReadWholeFile(options.file);
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  const std::string token = MakeToken();
  TokenEntry entry{.name = options.name,
                   .scopes = {},
                   .expires = absl::Now() + absl::Hours(24 * options.days),
                   .hash = Sha256(token),
                   .limits = options.limits};
  for (const std::string& scope : options.scopes) entry.scopes.insert(*ScopeNamed(scope));
  const std::string line = FormatTokenEntry(entry);
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += line;
  // As the server will read it: a bad name, or one that is there already, shows here.
  if (const auto entries = ParseTokenFile(text); !entries.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(options.file, ": ", entries.status().message()));
  }
  if (absl::Status status = ReplaceFile(options.file, text); !status.ok()) return status;
  std::filesystem::permissions(options.file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  if (invocation.json) {
    invocation.console.out << nlohmann::json{{"token", token}, {"name", options.name}} << '\n';
  } else {
    invocation.console.out << token << '\n';
    invocation.console.err << "added to " << options.file << "; the token is shown this once\n";
  }
  return kExitSuccess;
}

}  // namespace

void AddTokenCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* tokens = app.add_subcommand("tokens", "Make the tokens that a server's --tokens asks callers for");
  tokens->require_subcommand(1);
  auto options = std::make_shared<AddOptions>();
  CLI::App* add = tokens->add_subcommand("add", "Make a token, add its hash to the file, print it");
  add->add_option("FILE", options->file, "The server's token file, made where it is not there")->required();
  add->add_option("NAME", options->name, "Who will come with it, for the logs")->required();
  add->add_option("--scope", options->scopes, "What it is for: verify, scores, embed, enroll, train, admin")
      ->required()
      ->delimiter(',')
      ->check(CLI::IsMember({"verify", "scores", "embed", "enroll", "train", "admin"}));
  add->add_option("--days", options->days, "Days until it expires")->capture_default_str()->check(CLI::Range(1, 3650));
  add->add_option("--rate", options->limits.calls_per_second, "Calls a second that it allows")
      ->check(CLI::PositiveNumber);
  add->add_option("--persons", options->limits.max_persons, "People that may be enrolled with it")
      ->check(CLI::NonNegativeNumber);
  add->add_option("--mismatches", options->limits.mismatches,
                  "Faces an hour that may be tried with it in vain, at all people together; 0: any number")
      ->check(CLI::NonNegativeNumber);
  add->callback([&invocation, options] { invocation.exit_code = invocation.Finish(AddToken(invocation, *options)); });
}

}  // namespace likeness
