#include "tests/integration/walk/sqlite_walk.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
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

// What an operator's command says when it fails.
absl::Status Command(const std::string& arguments) {
  FILE* pipe = popen(absl::StrCat(LIKENESS_BIN_DIR "/likeness ", arguments, " 2>&1").c_str(), "r");
  if (pipe == nullptr) return absl::InternalError("no command can be run");
  std::string output;
  std::array<char, 4096> piece{};
  for (size_t size = 0; (size = fread(piece.data(), 1, piece.size(), pipe)) > 0;) output.append(piece.data(), size);
  return pclose(pipe) == 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat(arguments, ": ", output));
}

// While the server runs.
absl::Status BackUpGallery(const std::string& gallery, const std::string& copy) {
  return Command(absl::StrCat("gallery backup ", gallery, " ", copy));
}

// While it does not.
absl::Status RestoreGallery(const std::string& copy, const std::string& gallery) {
  return Command(absl::StrCat("gallery restore ", copy, " ", gallery));
}

// As whoever has read nothing does: over what a server left, and the files beside it stay.
void CopyOver(const std::string& copy, const std::string& gallery) {
  fs::copy_file(copy, gallery, fs::copy_options::overwrite_existing);
}

// Whether a refused start tells the operator of the documented way.
bool SaysHowToRestore(const absl::Status& refused) {
  return absl::StrContains(refused.message(), "restore") || absl::StrContains(refused.message(), "-wal");
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
  } else if (what < 8 && backup_.has_value()) {
    Note("stop, and restore the backup");
    server_->Stop();
    if (RestoredAsDocumented()) StartOnBackup();
  } else if (what < 10 && backup_.has_value()) {
    Note("stop, and copy the backup over the file");
    server_->Stop();
    CopyOver(backup_->path, server_->gallery_file());
    StartOnBackup();
  } else if (what < 13 && backup_.has_value()) {
    Note("kill, and copy the backup over the file");
    server_->Kill();
    CopyOver(backup_->path, server_->gallery_file());
    StartOnBackup();
  } else if (what < 15) {
    BackUp();
    if (!Broken()) LoseFile(Below(2) == 0 ? Loss::kRemoved : Loss::kReplaced);
  } else if (what < 17 && backup_.has_value() && backup_->acknowledged < acknowledged()) {
    // A backup of the state that the file is in would be no loss.
    LoseFile(Loss::kCopiedOver);
  } else {
    return false;
  }
  return true;
}

void SqliteWalk::BackUp() {
  Note("back up");
  backup_ = {.path = server_->folder() + "/backup.db", .state = expected(), .acknowledged = acknowledged()};
  const absl::Status written = BackUpGallery(server_->gallery_file(), backup_->path);
  if (!written.ok()) Report({Invariant::kHealthyServersAnswer, std::string(written.message())});
}

void SqliteWalk::StartOnBackup() {
  absl::Status started = server_->Start();
  if (!started.ok() && SaysHowToRestore(started)) {
    Note("  refused, with a word on how to restore");
    if (!RestoredAsDocumented()) return;
    started = server_->Start();
  }
  if (!started.ok()) {
    return Report(
        {Invariant::kServersComeBack, absl::StrCat("the server does not start on its backup: ", started.message())});
  }
  Expect(backup_->state, backup_->acknowledged);
  CheckEverything();
}

void SqliteWalk::LoseFile(Loss loss) {
  const std::string gallery = server_->gallery_file();
  switch (loss) {
    case Loss::kRemoved:
      Note("remove the file under the running server");
      fs::remove(gallery);
      break;
    case Loss::kReplaced:
      Note("put another file in the place of the running server's");
      fs::copy_file(backup_->path, gallery + ".new", fs::copy_options::overwrite_existing);
      fs::rename(gallery + ".new", gallery);
      break;
    case Loss::kCopiedOver:
      Note("copy the backup over the running server's file");
      CopyOver(backup_->path, gallery);
      break;
  }
  // Nothing may be acknowledged that the next start would not find.
  Change enrol = LateEnrolment();
  server_->Make(enrol);
  Note("  " + enrol.Describe());
  if (enrol.answer == Change::Answer::kDone) {
    return Report({Invariant::kNobodyAcknowledgedIsLost, "written to a file that has gone: " + enrol.Describe()});
  }
  const absl::Time until = absl::Now() + kToNotice;
  while (server_->GalleryServes()) {
    if (absl::Now() > until) {
      return Report({Invariant::kServersComeBack, "the server says that its gallery serves, and its file has gone"});
    }
    absl::SleepFor(kPause);
  }
  if (loss == Loss::kRemoved && fs::exists(gallery)) {
    return Report({Invariant::kNobodyAcknowledgedIsLost, "the server has made an empty gallery where its file was"});
  }
  Note("kill, and restore the backup");
  server_->Kill();
  if (RestoredAsDocumented()) StartOnBackup();
}

bool SqliteWalk::RestoredAsDocumented() {
  const absl::Status restored = RestoreGallery(backup_->path, server_->gallery_file());
  if (!restored.ok()) Report({Invariant::kServersComeBack, std::string(restored.message())});
  return restored.ok();
}

Change SqliteWalk::LateEnrolment() const {
  Change enrol{.kind = Change::Kind::kEnrol, .person = "late", .face = 0, .request_id = "late"};
  for (const auto& [id, person] : expected().persons) {
    if (person.references.empty()) continue;
    enrol.person = id;
    enrol.face = person.face;
  }
  return enrol;
}

}  // namespace likeness
