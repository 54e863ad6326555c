#include "tests/integration/walk/sqlite_walk.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/walk/material.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

constexpr int kMostMillisecondsToKill = 100;
// For a server to say that its gallery's file has gone.
constexpr absl::Duration kToNotice = absl::Seconds(10);
constexpr absl::Duration kPause = absl::Milliseconds(50);

// The operator's commands, in one place.

// As operations.md says: while the server runs.
void BackUpGallery(const std::string& gallery, const std::string& copy) {
  fs::remove(copy);
  SQLite::Database from(gallery, SQLite::OPEN_READONLY);
  SQLite::Database to(copy, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  SQLite::Backup(to, from).executeStep(-1);
}

// While no server runs.
void RestoreGallery(const std::string& copy, const std::string& gallery) {
  fs::copy_file(copy, gallery, fs::copy_options::overwrite_existing);
}

}  // namespace

absl::Status SqliteWalk::Open() {
  server_.reset();
  backup_.reset();
  server_ = std::make_unique<WalkServer>(std::vector<std::string>{"--cached-references=6"});
  return server_->Start();
}

std::vector<int> SqliteWalk::Healthy() {
  if (server_->runs()) return {0};
  return {};
}

Disturbance SqliteWalk::NextDisturbance() {
  const int what = Below(100);
  if (what < 12) {
    const absl::Duration when = absl::Milliseconds(Below(kMostMillisecondsToKill));
    return {.name = "the server is killed", .changes_may_fail = {0}, .reads_may_fail = {0}, .meanwhile = [this, when] {
              absl::SleepFor(when);
              server_->Kill();
            }};
  }
  if (what < 18) {
    // A backup that takes its time.
    const auto reader = std::make_shared<std::unique_ptr<SQLite::Database>>();
    return {.name = "somebody reads the file",
            .before =
                [this, reader] {
                  *reader = std::make_unique<SQLite::Database>(server_->gallery_file(), SQLite::OPEN_READONLY);
                  (*reader)->exec("BEGIN");
                  SQLite::Statement(**reader, "SELECT count(*) FROM person").executeStep();
                },
            .after = [reader] { reader->reset(); }};
  }
  return {};
}

absl::Status SqliteWalk::Repair(bool) { return server_->runs() ? absl::OkStatus() : server_->Start(); }

bool SqliteWalk::SpecialStep() {
  const int what = Below(100);
  if (what < 6) {
    BackUp();
  } else if (what < 10 && backup_.has_value()) {
    Note("stop, and put the backup back");
    server_->Stop();
    Restore();
  } else if (what < 13 && backup_.has_value()) {
    Note("kill, and put the backup back");
    server_->Kill();
    Restore();
  } else if (what < 16) {
    BackUp();
    LoseFile(/*replace=*/Below(2) == 0);
  } else {
    return false;
  }
  return true;
}

void SqliteWalk::BackUp() {
  Note("back up");
  backup_ = {.path = server_->folder() + "/backup.db", .state = expected(), .acknowledged = acknowledged()};
  BackUpGallery(server_->gallery_file(), backup_->path);
}

void SqliteWalk::Restore() {
  RestoreGallery(backup_->path, server_->gallery_file());
  if (absl::Status started = server_->Start(); !started.ok()) {
    return Report(
        {Invariant::kServersComeBack, absl::StrCat("the server does not start on its backup: ", started.message())});
  }
  Expect(backup_->state, backup_->acknowledged);
  CheckEverything();
}

void SqliteWalk::LoseFile(bool replace) {
  const std::string gallery = server_->gallery_file();
  if (replace) {
    Note("replace the file under the running server");
    fs::copy_file(backup_->path, gallery + ".new", fs::copy_options::overwrite_existing);
    fs::rename(gallery + ".new", gallery);
  } else {
    Note("remove the file under the running server");
    fs::remove(gallery);
  }
  // Nothing may be acknowledged that the next start would not find.
  Change enrol{.kind = Change::Kind::kEnrol, .person = "late", .face = 0, .request_id = "late"};
  for (const auto& [id, person] : expected().persons) {
    if (!person.references.empty())
      enrol = {.kind = Change::Kind::kEnrol, .person = id, .face = person.face, .request_id = "late"};
  }
  server_->Make(enrol);
  Note("  " + enrol.Describe());
  if (enrol.answer == Change::Answer::kDone) {
    Report({Invariant::kNobodyAcknowledgedIsLost, "written to a file that has gone: " + enrol.Describe()});
    return;
  }
  const absl::Time until = absl::Now() + kToNotice;
  while (server_->GalleryServes()) {
    if (absl::Now() > until) {
      return Report({Invariant::kServersComeBack, "the server says that its gallery serves, and its file has gone"});
    }
    absl::SleepFor(kPause);
  }
  if (!replace && fs::exists(gallery)) {
    return Report({Invariant::kNobodyAcknowledgedIsLost, "the server has made an empty gallery where its file was"});
  }
  Note("kill, and put the backup back");
  server_->Kill();
  Restore();
}

}  // namespace likeness
