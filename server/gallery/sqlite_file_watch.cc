#include "server/gallery/sqlite_file_watch.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/write_ahead_log.h"
#include "server/hashing/random_id.h"

namespace likeness {
namespace {

// A page that a checkpoint writes at this moment may be read in two halves.
constexpr int kReadings = 3;
constexpr absl::Duration kBetweenReadings = absl::Milliseconds(10);

}  // namespace

SqliteFileWatch::SqliteFileWatch(const std::string& path, std::unique_ptr<SqliteConnection> connection)
    : opening_(RandomId()), connection_(std::move(connection)) {
  absl::MutexLock lock(&mutex_);
  const std::string real = std::filesystem::canonical(path).string();  // where SQLite keeps the files beside it
  page_size_ = connection_->database().execAndGet("PRAGMA page_size").getInt();
  page_ = LinkPage();
  seen_ = StampInFile();
  const auto watched = [](std::string name) {
    bool gone = false;
    const std::optional<Identity> identity = IdentityOf(name, gone);
    if (!identity.has_value()) throw std::runtime_error(absl::StrCat(name, " is not there"));
    return Watched{std::move(name), *identity};
  };
  file_ = watched(path);
  for (const char* suffix : {"-wal", "-shm"}) beside_.push_back(watched(real + suffix));
}

std::string SqliteFileWatch::NextStamp() {
  absl::MutexLock lock(&mutex_);
  return StampOf(opening_, next_++);
}

std::optional<SqliteFileWatch::Loss> SqliteFileWatch::Look() {
  if (const auto what = LookAt(file_); what.has_value()) return Loss{*what};
  for (const Watched& file : beside_) {
    if (const auto what = LookAt(file); what.has_value()) {
      return Loss{absl::StrCat("lost ", file.path, ", which ", *what), /*log_alone=*/true};
    }
  }
  absl::MutexLock lock(&mutex_);
  for (int reading = 1; !IsOurs(); ++reading) {
    if (reading == kReadings) return Loss{"was overwritten"};
    absl::SleepFor(kBetweenReadings);
  }
  return std::nullopt;
}

void SqliteFileWatch::LeaveFiles() {
  absl::MutexLock lock(&mutex_);
  connection_->LeaveFiles();
}

std::optional<SqliteFileWatch::Identity> SqliteFileWatch::IdentityOf(const std::string& path, bool& gone) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return Identity{status.st_dev, status.st_ino};
  gone = errno == ENOENT || errno == ENOTDIR || errno == ESTALE;
  return std::nullopt;
}

std::optional<std::string> SqliteFileWatch::LookAt(const Watched& file) {
  bool gone = false;
  const std::optional<Identity> now = IdentityOf(file.path, gone);
  if (gone) return "was removed";
  if (now.has_value() && *now != file.identity) return "was replaced by another file";
  return std::nullopt;
}

uint32_t SqliteFileWatch::LinkPage() {
  return static_cast<uint32_t>(
      std::get<int64_t>(connection_->Run("SELECT rootpage FROM sqlite_schema WHERE name = 'log_link'").at(0).at(0)));
}

std::string SqliteFileWatch::ReadAt(int64_t offset, int size) {
  sqlite3_file* file = nullptr;
  // SQLite's own descriptor: another one, when it is closed, takes SQLite's locks along.
  sqlite3* database = connection_->database().getHandle();
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return "";
  std::string content(static_cast<size_t>(size), '\0');
  return file->pMethods->xRead(file, content.data(), size, offset) == SQLITE_OK ? content : "";
}

std::string SqliteFileWatch::StampOnPage(uint32_t page) {
  const std::optional<LogLink> link = LinkOn(ReadAt((int64_t{page} - 1) * page_size_, page_size_));
  return link.has_value() ? link->stamp : "";
}

std::string SqliteFileWatch::StampInFile() {
  if (!IsUsedWithLog(ReadAt(0, kHeaderUsed))) return "";
  std::string stamp = StampOnPage(page_);
  if (!stamp.empty()) return stamp;
  // VACUUM may have moved it.
  const uint32_t page = LinkPage();
  if (page == page_) return "";
  stamp = StampOnPage(page);
  if (!stamp.empty()) page_ = page;
  return stamp;
}

bool SqliteFileWatch::IsOurs() {
  std::string stamp;
  try {
    stamp = StampInFile();
  } catch (const std::exception&) {
    return false;
  }
  if (stamp == seen_) return !stamp.empty();
  const bool ours = stamp >= StampOf(opening_, 0) && stamp < StampOf(opening_, next_);
  const bool seen_ours = seen_ >= StampOf(opening_, 0) && seen_ < StampOf(opening_, next_);
  if (!ours || (seen_ours && stamp < seen_)) return false;
  seen_ = std::move(stamp);
  return true;
}

}  // namespace likeness
