#include "client/cli/gallery_commands.h"

#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "server/gallery/gallery_file.h"

namespace likeness {
namespace {

constexpr char kFooter[] =
    "GALLERY is the server's --gallery: a SQLite file, also with sqlite: in front. Galleries in PostgreSQL are backed "
    "up "
    "with `pg_dump --format=custom`, and restored with `pg_restore --clean --if-exists --single-transaction`. Back up "
    "the models folder along with the gallery, and the master keys apart from both. Run these as the user that the "
    "server runs as, or as root.";

struct Options {
  std::string gallery;
  std::string backup;
  RestoreOptions restore;
};

absl::StatusOr<std::string> FileOf(const std::string& gallery) {
  if (absl::StartsWith(gallery, "postgres://") || absl::StartsWith(gallery, "postgresql://")) {
    return absl::InvalidArgumentError(
        "a gallery in PostgreSQL is backed up with `pg_dump --format=custom --file=BACKUP DATABASE`, restored with "
        "`pg_restore --clean --if-exists --single-transaction --dbname=DATABASE BACKUP`, and checked with "
        "`pg_amcheck`");
  }
  return std::string(absl::StripPrefix(gallery, "sqlite:"));
}

nlohmann::ordered_json JsonOf(const GalleryFileReport& report) {
  return {{"persons", report.persons},
          {"references", report.references},
          {"revision", report.revision},
          {"encrypted", report.encrypted},
          {"persons_without_key", report.persons_without_key},
          {"schema", report.schema},
          {"gallery_id", report.gallery_id},
          {"history", report.history},
          {"problems", report.problems}};
}

std::string TextOf(const GalleryFileReport& report) {
  std::string text = absl::StrCat("  ", report.persons, " persons, ", report.references, " references, revision ",
                                  report.revision, ", schema ", report.schema, "\n  ");
  if (!report.encrypted) {
    text += "not encrypted\n";
  } else if (report.persons_without_key == 0) {
    text += "encrypted\n";
  } else {
    absl::StrAppend(&text, "encrypted, but for ", report.persons_without_key,
                    " persons: start the server with the master key, which goes on with it\n");
  }
  if (!report.history.empty()) {
    absl::StrAppend(&text, "  gallery ", report.gallery_id, ", history ", report.history, "\n");
  }
  return text;
}

void Print(Invocation& invocation, const std::string& headline, const GalleryFileReport& report,
           nlohmann::ordered_json json) {
  if (invocation.json) {
    json.update(JsonOf(report));
    invocation.console.out << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return;
  }
  invocation.console.out << headline << '\n' << TextOf(report);
}

absl::StatusOr<ExitCode> BackUp(Invocation& invocation, const Options& options) {
  const absl::StatusOr<std::string> file = FileOf(options.gallery);
  if (!file.ok()) return file.status();
  const absl::StatusOr<GalleryFileReport> report = BackUpGallery(*file, options.backup);
  if (!report.ok()) return report.status();
  Print(invocation, absl::StrCat("backed up to ", options.backup, ", and checked:"), *report,
        {{"backup", options.backup}});
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Restore(Invocation& invocation, const Options& options) {
  const absl::StatusOr<std::string> file = FileOf(options.gallery);
  if (!file.ok()) return file.status();
  const absl::StatusOr<RestoredGallery> restored = RestoreGallery(options.backup, *file, absl::Now(), options.restore);
  if (!restored.ok()) return restored.status();
  std::string headline = absl::StrCat("restored ", *file, ":");
  if (!restored->kept.empty()) {
    headline = absl::StrCat("restored ", *file, "; what was there is ", restored->kept, " now. Restored:");
  }
  Print(invocation, headline, restored->report, {{"gallery", *file}, {"kept", restored->kept}});
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Check(Invocation& invocation, const Options& options) {
  const absl::StatusOr<std::string> file = FileOf(options.gallery);
  if (!file.ok()) return file.status();
  const absl::StatusOr<GalleryFileReport> report = CheckGalleryFile(*file);
  if (!report.ok()) return report.status();
  Print(invocation, absl::StrCat(*file, report->problems.empty() ? ": whole" : ": damaged"), *report,
        {{"gallery", *file}});
  if (report->problems.empty()) return kExitSuccess;
  if (!invocation.json) {
    for (const std::string& problem : report->problems) invocation.console.out << "  " << problem << '\n';
  }
  return kExitDifferent;
}

}  // namespace

void AddGalleryCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* gallery = app.add_subcommand("gallery", "Back up, restore and check a gallery's file");
  gallery->require_subcommand(1);
  gallery->footer(kFooter);
  auto options = std::make_shared<Options>();
  CLI::App* backup =
      gallery->add_subcommand("backup", "Write a checked copy, also while a server has the gallery open");
  backup->add_option("GALLERY", options->gallery, "The gallery's file")->required();
  backup->add_option("BACKUP", options->backup, "The copy, which is replaced when the new one is whole")->required();
  backup->callback([&invocation, options] { invocation.exit_code = invocation.Finish(BackUp(invocation, *options)); });
  CLI::App* restore = gallery->add_subcommand("restore", "Put a copy of a backup in place; the server must be stopped");
  restore->add_option("BACKUP", options->backup, "What `gallery backup` has written")->required();
  restore->add_option("GALLERY", options->gallery, "The gallery's file, which is kept under another name")->required();
  restore->add_flag("--other-gallery", options->restore.other_gallery,
                    "Also in the place of a gallery that it is no backup of");
  restore->callback(
      [&invocation, options] { invocation.exit_code = invocation.Finish(Restore(invocation, *options)); });
  CLI::App* check =
      gallery->add_subcommand("check", "Say what is in a gallery or a backup; exit with 1 if it is damaged");
  check->add_option("GALLERY", options->gallery, "The file")->required();
  check->callback([&invocation, options] { invocation.exit_code = invocation.Finish(Check(invocation, *options)); });
}

}  // namespace likeness
