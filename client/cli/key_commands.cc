#include "client/cli/key_commands.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/interrupt.h"
#include "client/cli/operation_commands.h"
#include "client/cli/progress_bar.h"
#include "client/gallery_client.h"
#include "client/operation_client.h"
#include "server/files/files.h"
#include "server/protection/master_keys.h"

namespace likeness {
namespace {

constexpr char kFooter[] =
    "To change the master key: `likeness keys add FILE`, and give the file to every server; then `likeness keys "
    "use-last "
    "FILE`, and give it to every server again; then `likeness keys rotate`. The old key may go when it says that 0 "
    "were "
    "left. Keep keys apart from the gallery and its backups: without them nobody can be verified, and whoever has both "
    "has the faces.";

absl::Status Replace(const std::string& file, const std::string& text) {
  // As the server will read it.
  if (const auto keys = ParseMasterKeys(text); !keys.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", keys.status().message()));
  }
  return ReplaceFile(file, text);  // readable for its owner only
}

absl::StatusOr<ExitCode> Add(Invocation& invocation, const std::string& file) {
  std::string text;
  if (std::filesystem::exists(file)) {
    absl::StatusOr<std::string> read = ReadWholeFile(file);
    if (!read.ok()) return read.status();
    text = *std::move(read);
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  absl::StrAppend(&text, "# added ", absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone()), "\n",
                  MakeMasterKeyLine());
  if (absl::Status status = Replace(file, text); !status.ok()) return status;
  invocation.console.err << "added to " << file << "; back it up apart from the gallery\n";
  return kExitSuccess;
}

absl::StatusOr<ExitCode> UseLast(Invocation& invocation, const std::string& file) {
  const absl::StatusOr<std::string> text = ReadWholeFile(file);
  if (!text.ok()) return text.status();
  std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipWhitespace());
  const auto is_key = [](const std::string& line) { return line.find_first_not_of(" \t") != line.find('#'); };
  const auto last = std::find_if(lines.rbegin(), lines.rend(), is_key);
  if (last == lines.rend()) return absl::InvalidArgumentError(absl::StrCat(file, ": there is no key"));
  // With the comments over it.
  auto first_line = last.base() - 1;
  while (first_line != lines.begin() && !is_key(*(first_line - 1))) --first_line;
  std::rotate(lines.begin(), first_line, last.base());
  if (absl::Status status = Replace(file, absl::StrJoin(lines, "\n") + "\n"); !status.ok()) return status;
  invocation.console.err << "the last key of " << file << " is now the first, which wraps\n";
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Rotate(Invocation& invocation) {
  const absl::StatusOr<v1::RotateKeysResponse> begun = GalleryClient(invocation.client_options).RotateKeys({});
  if (!begun.ok()) return begun.status();
  const std::string& name = begun->operation().name();
  Console& console = invocation.console;
  if (!invocation.json) console.out << "operation " << name << '\n' << std::flush;
  std::optional<ProgressBar> progress;
  const InterruptGuard guard;
  const absl::StatusOr<v1::Operation> ended =
      OperationClient(invocation.client_options)
          .Await(
              name,
              [&](const v1::Operation& now) {
                const v1::OperationMetadata& metadata = now.metadata();
                if (now.done() || metadata.total_count() == 0) return;
                if (!progress.has_value() && console.err_is_terminal) {
                  progress.emplace(console.err, true, "wrapping keys", metadata.total_count());
                }
                if (progress.has_value()) {
                  progress->AdvanceTo(metadata.done_count());
                }
              },
              guard.token());
  progress.reset();
  if (!ended.ok() && guard.interrupted()) {
    return invocation.Fail("INTERRUPTED", GoesOnText("the rotation of keys", name));
  }
  if (!ended.ok()) return ended.status();
  if (ended->has_error()) return invocation.Fail(ended->error().reason(), ended->error().message());
  if (invocation.json) {
    invocation.PrintJson(*ended);
  } else {
    console.out << "wrapped anew: the keys of " << ended->response().rewrapped_keys() << " persons\n";
  }
  return kExitSuccess;
}

}  // namespace

void AddKeyCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* keys = app.add_subcommand("keys", "Make and change the master keys that a gallery is encrypted with");
  keys->require_subcommand(1);
  keys->footer(kFooter);
  auto file = std::make_shared<std::string>();
  CLI::App* add = keys->add_subcommand("add", "Make a key and add it to the file, as the last one");
  add->add_option("FILE", *file, "The server's master key file, made where it is not there")->required();
  add->callback([&invocation, file] { invocation.exit_code = invocation.Finish(Add(invocation, *file)); });
  CLI::App* use = keys->add_subcommand("use-last", "Make the last key of the file the first, which wraps");
  use->add_option("FILE", *file, "The server's master key file")->required();
  use->callback([&invocation, file] { invocation.exit_code = invocation.Finish(UseLast(invocation, *file)); });
  CLI::App* rotate = keys->add_subcommand("rotate", "Let the server wrap all persons' keys with the first key");
  rotate->callback([&invocation] { invocation.exit_code = invocation.Finish(Rotate(invocation)); });
}

}  // namespace likeness
