#include "server/gallery/sqlite_database.h"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/sqlite_connection.h"

namespace likeness {
namespace {

// SQLite would let everybody read a new file. Its -wal and -shm files get the same permissions as the gallery.
void CreateForOwnerOnly(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0) close(descriptor);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path) {
  const auto wrong = [&path](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("gallery ", path, ": ", why));
  };
  try {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    // Two servers on one file would each answer from a cache that the other makes stale. The lock is beside the file
    // itself, whatever symbolic link led here.
    auto lock = std::make_unique<FileLock>(std::filesystem::weakly_canonical(path).string() + ".lock");
    if (!lock->Exists()) return wrong("its folder cannot be written to");
    if (!lock->Acquire()) return wrong("another server has it open");
    CreateForOwnerOnly(path);
    auto writer = std::make_unique<SqliteConnection>(path);
    Migrate(writer->database());
    return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(path, std::move(lock), std::move(writer)));
  } catch (const std::exception& error) {
    return wrong(error.what());
  }
}

SqliteDatabase::SqliteDatabase(std::string path, std::unique_ptr<FileLock> lock,
                               std::unique_ptr<SqliteConnection> writer)
    : path_(std::move(path)), lock_(std::move(lock)), writer_(std::move(writer)) {}

SqliteDatabase::~SqliteDatabase() = default;

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
  try {
    SQLite::Transaction transaction(writer_->database(), SQLite::TransactionBehavior::IMMEDIATE);
    const absl::Status status = work(*writer_);
    if (status.ok()) transaction.commit();
    return status;
  } catch (const std::exception& error) {
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be written: ", error.what()));
  }
}

absl::Status SqliteDatabase::Erase(Work work) {
  if (absl::Status status = Write(work); !status.ok()) return status;
  absl::MutexLock lock(&writer_mutex_);
  try {
    // secure_delete overwrites the rows' pages in the file itself, but the log still has the pages as they were
    // written. Waits for readers, which take milliseconds; where it fails, the next deletion or the end of the server
    // does it.
    SQLite::Statement truncate(writer_->database(), "PRAGMA wal_checkpoint(TRUNCATE)");
    truncate.executeStep();
  } catch (const std::exception&) {
    // The deletion itself is on disk.
  }
  return absl::OkStatus();
}

void SqliteDatabase::AwaitChange(absl::Duration limit) { absl::SleepFor(limit); }

}  // namespace likeness
