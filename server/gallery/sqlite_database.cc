#include "server/gallery/sqlite_database.h"

#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/sqlite_connection.h"
#include "server/gallery/sqlite_file_watch.h"
#include "server/gallery/write_ahead_log.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

// How long a deletion waits for readers of the log: this server's own take milliseconds.
constexpr int kEmptyLogWaitMs = 20;
// What this server's own readers may cause at any time is not worth a line.
constexpr absl::Duration kPendingUnnoticed = absl::Seconds(1);
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(250);

bool IsEmptyOrGone(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error || size == 0;
}

// `likeness gallery` takes the lock for an instant to see whether there is a server.
bool AcquireSoon(const FileLock& lock) {
  for (int tries = 1; !lock.Acquire(); ++tries) {
    if (tries == 5) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

std::string LostMessage(absl::string_view what) {
  return absl::StrCat("the gallery's file ", what,
                      " under the running server: stop the server, put the gallery in its place with `likeness gallery "
                      "restore`, start the server again");
}

absl::Status Lost() { return MakeError(Reason::STORE_FAILED, LostMessage("was removed, replaced or overwritten")); }

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path, SqliteEvents events) {
  const auto wrong = [&path](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("gallery ", path, ": ", why));
  };
  try {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    // Two servers on one file would each answer from a cache that the other makes stale. The lock is beside the file
    // itself, whatever symbolic link led here.
    const std::string real = std::filesystem::weakly_canonical(path).string();
    auto lock = std::make_unique<FileLock>(real + ".lock");
    if (!lock->Exists()) return wrong("its folder cannot be written to");
    if (!AcquireSoon(*lock)) return wrong("another server has it open");
    if (absl::Status status = CheckLogBelongs(real); !status.ok()) return wrong(status.message());
    if (IsEmptyOrGone(path) && !IsEmptyOrGone(real + ".lock")) {
      return wrong(absl::StrCat("its file is gone. Put a backup in its place (likeness gallery restore BACKUP ", path,
                                "), or remove ", real, ".lock as well, to begin with an empty gallery"));
    }
    MakeGalleryFile(path);
    auto writer = std::make_unique<SqliteConnection>(path);
    Migrate(writer->database());
    // From now on a start without the file is a mistake.
    if (IsEmptyOrGone(real + ".lock")) std::ofstream(real + ".lock") << "a gallery was made beside this file\n";
    auto watch = std::make_unique<SqliteFileWatch>(path, std::make_unique<SqliteConnection>(path));
    // So that a state of the gallery from before this opening is told from every later one.
    writer->Change("UPDATE log_link SET previous = stamp, stamp = $1", {watch->NextStamp()});
    // What a server that was killed had deleted leaves the log, too.
    const bool log_empty = writer->EmptyLog(kEmptyLogWaitMs);
    return std::unique_ptr<SqliteDatabase>(
        new SqliteDatabase(path, std::move(events), std::move(lock), std::move(writer), std::move(watch), log_empty));
  } catch (const std::exception& error) {
    return wrong(error.what());
  }
}

SqliteDatabase::SqliteDatabase(std::string path, SqliteEvents events, std::unique_ptr<FileLock> lock,
                               std::unique_ptr<SqliteConnection> writer, std::unique_ptr<SqliteFileWatch> watch,
                               bool log_empty)
    : path_(std::move(path)),
      events_(std::move(events)),
      lock_(std::move(lock)),
      watch_(std::move(watch)),
      writer_(std::move(writer)),
      pending_erasures_(log_empty ? 0 : 1) {
  events_.on_pending_erasures(log_empty ? 0 : 1);
  keeper_ = std::thread([this] { Keep(); });
}

SqliteDatabase::~SqliteDatabase() {
  {
    absl::MutexLock lock(&keeper_mutex_);
    stopping_ = true;
  }
  keeper_.join();
  absl::MutexLock writer(&writer_mutex_);
  if (CheckFile().ok()) return;
  // SQLite would take the log over into a file that has no name any more, and remove what has the log's name by now.
  writer_->LeaveFiles();
  watch_->LeaveFiles();
  absl::MutexLock readers(&readers_mutex_);
  for (const auto& reader : idle_readers_) reader->LeaveFiles();
}

absl::Status SqliteDatabase::CheckFile() {
  if (!lost_) {
    const std::optional<SqliteFileWatch::Loss> loss = watch_->Look();
    if (!loss.has_value()) return absl::OkStatus();
    lost_ = true;
    lost_log_ = loss->log_alone;
    Log(LogLevel::kError, "gallery_file_lost", {{"path", path_}, {"message", LostMessage(loss->what)}});
    events_.on_lost();
  }
  // What was acknowledged last is in the log alone, which has no name any more: it goes into the file.
  if (lost_log_ && writer_->EmptyLog(/*wait_ms=*/0)) lost_log_ = false;
  return Lost();
}

std::unique_ptr<SqliteConnection> SqliteDatabase::TakeReader() {
  {
    absl::MutexLock lock(&readers_mutex_);
    if (!idle_readers_.empty()) {
      std::unique_ptr<SqliteConnection> reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  return std::make_unique<SqliteConnection>(path_);
}

void SqliteDatabase::ReturnReader(std::unique_ptr<SqliteConnection> reader) {
  absl::MutexLock lock(&readers_mutex_);
  idle_readers_.push_back(std::move(reader));
}

absl::Status SqliteDatabase::Read(Work work) {
  if (lost_) return Lost();
  try {
    std::unique_ptr<SqliteConnection> reader = TakeReader();
    const absl::Status status = [&] {
      // One transaction, so that several statements see one state of the gallery.
      SQLite::Transaction transaction(reader->database(), SQLite::TransactionBehavior::DEFERRED);
      const absl::Status result = work(*reader);
      transaction.commit();
      return result;
    }();
    ReturnReader(std::move(reader));
    return status;
  } catch (const std::exception& error) {
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be read: ", error.what()));
  }
}

absl::Status SqliteDatabase::Write(Work work) {
  absl::MutexLock lock(&writer_mutex_);
  return WriteNow(work);
}

absl::Status SqliteDatabase::WriteNow(Work work) {
  if (absl::Status status = CheckFile(); !status.ok()) return status;
  try {
    SQLite::Transaction transaction(writer_->database(), SQLite::TransactionBehavior::IMMEDIATE);
    const absl::Status status = work(*writer_);
    if (!status.ok()) return status;
    writer_->Change("UPDATE log_link SET previous = stamp, stamp = $1", {watch_->NextStamp()});
    transaction.commit();
  } catch (const std::exception& error) {
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be written: ", error.what()));
  }
  return CheckFile();  // what was written into a file that nobody finds again is not acknowledged
}

absl::Status SqliteDatabase::Erase(Work work) {
  absl::MutexLock lock(&writer_mutex_);
  if (absl::Status status = WriteNow(work); !status.ok()) return status;
  // secure_delete overwrites the rows' pages in the file itself, but the log still has the pages as they were written.
  EmptyLog(/*deletions=*/1);
  return CheckFile();  // after each checkpoint, so that the watch knows what the file is at
}

void SqliteDatabase::EmptyLog(int64_t deletions) {
  const int64_t before = pending_erasures_;
  const absl::Time now = absl::Now();
  pending_erasures_ = writer_->EmptyLog(deletions == 0 ? 0 : kEmptyLogWaitMs) ? 0 : before + deletions;
  if (pending_erasures_ != before) events_.on_pending_erasures(pending_erasures_);
  if (before == 0) pending_since_ = now;
  if (pending_erasures_ > 0 && !pending_logged_ && now - pending_since_ > kPendingUnnoticed) {
    pending_logged_ = true;
    Log(LogLevel::kWarning, "erasure_pending",
        {{"message", "somebody reads the gallery, so that what was deleted stays in its write-ahead log until then"}});
  } else if (pending_erasures_ == 0 && std::exchange(pending_logged_, false)) {
    Log(LogLevel::kInfo, "erasure_done", {{"deletions", before}});
  }
}

void SqliteDatabase::Keep() {
  while (true) {
    {
      absl::MutexLock lock(&keeper_mutex_);
      if (keeper_mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kBetweenLooks)) return;
    }
    RunGuarded(ThreadKind::kUpkeep, [this] {
      absl::MutexLock lock(&writer_mutex_);
      if (CheckFile().ok() && pending_erasures_ > 0) EmptyLog(/*deletions=*/0);
    }).IgnoreError();
  }
}

void SqliteDatabase::AwaitChange(absl::Duration limit) { absl::SleepFor(limit); }

}  // namespace likeness
