#include "server/gallery/gallery_file.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/files/file_lock.h"
#include "server/gallery/sqlite_connection.h"
#include "server/gallery/write_ahead_log.h"
#include "server/hashing/random_id.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

constexpr int kProblemsShown = 10;
constexpr int kBusyTimeoutMs = 10'000;

absl::Status Wrong(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

absl::Status FailedTo(absl::string_view what, const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(path, " cannot be ", what, ": ", strerror(errno)));
}

// The file itself, wherever symbolic links lead: SQLite keeps the log beside that.
std::string RealPath(const std::string& path) { return fs::weakly_canonical(path).string(); }

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool IsEmptyOrGone(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error || size == 0;
}

// Without making a lock where there was none.
bool HasServer(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path + ".lock", error)) return false;
  const FileLock lock(path + ".lock");
  return lock.Exists() && !lock.Acquire();
}

absl::Status SyncToDisk(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  absl::Status status = synced ? absl::OkStatus() : FailedTo("written", path);
  if (descriptor >= 0) close(descriptor);
  return status;
}

absl::Status SyncFolderOf(const std::string& path) { return SyncToDisk(FolderOf(path), O_RDONLY | O_DIRECTORY); }

// A file beside `path`, which its owner alone may read, that goes when this does.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(const std::string& path) : path_(absl::StrCat(path, ".unfinished.XXXXXX")) {
    const int descriptor = mkostemp(path_.data(), O_CLOEXEC);
    made_ = descriptor >= 0;
    if (made_) close(descriptor);
  }
  ~UnfinishedFile() {
    if (made_) unlink(path_.c_str());
  }
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  bool made() const { return made_; }
  const std::string& path() const { return path_; }

  absl::Status PutInPlace(const std::string& path) {
    if (absl::Status status = SyncToDisk(path_, O_RDONLY); !status.ok()) return status;
    if (rename(path_.c_str(), path.c_str()) != 0) return FailedTo("put in place", path);
    made_ = false;
    return absl::OkStatus();
  }

 private:
  std::string path_;
  bool made_ = false;
};

int64_t NumberFrom(SQLite::Database& database, const char* sql) { return database.execAndGet(sql).getInt64(); }

bool HasColumn(SQLite::Database& database, const std::string& table, const std::string& column) {
  return NumberFrom(
             database,
             ("SELECT count(*) FROM pragma_table_info('" + table + "') WHERE name = '" + column + "'").c_str()) != 0;
}

void ReadReport(SQLite::Database& database, GalleryFileReport& report) {
  const auto problem = [&report](std::string what) { report.problems.push_back(std::move(what)); };
  SQLite::Statement integrity(database, "PRAGMA integrity_check(10)");
  while (integrity.executeStep()) {
    if (std::string line = integrity.getColumn(0).getString(); line != "ok") problem(std::move(line));
  }
  SQLite::Statement orphans(database, "PRAGMA foreign_key_check");
  for (int i = 0; i < kProblemsShown && orphans.executeStep(); ++i) {
    problem(absl::StrCat("a row of ", orphans.getColumn(0).getString(), " belongs to a row of ",
                         orphans.getColumn(2).getString(), " that is not there"));
  }
  report.schema = NumberFrom(database, "PRAGMA user_version");
  report.persons = NumberFrom(database, "SELECT count(*) FROM person");
  report.references = NumberFrom(database, "SELECT count(*) FROM face_reference");
  if (!HasColumn(database, "gallery", "revision")) return;  // a gallery of an early version
  SQLite::Statement gallery(database, "SELECT persons, face_references, revision, encrypted FROM gallery");
  if (!gallery.executeStep()) return problem("its only row of `gallery` is not there");
  report.revision = gallery.getColumn(2).getInt64();
  report.encrypted = gallery.getColumn(3).getInt64() != 0;
  const int64_t persons = gallery.getColumn(0).getInt64(), references = gallery.getColumn(1).getInt64();
  if (persons != report.persons || references != report.references) {
    problem(absl::StrCat("it counts ", persons, " persons and ", references, " references, and has ", report.persons,
                         " and ", report.references));
  }
  report.persons_without_key = NumberFrom(database, "SELECT count(*) FROM person WHERE data_key IS NULL");
  if (!HasColumn(database, "gallery", "history")) return;
  report.gallery_id = database.execAndGet("SELECT gallery_id FROM gallery").getString();
  report.history = database.execAndGet("SELECT history FROM gallery").getString();
}

// Reads what `database` has open. `path` is for errors.
absl::StatusOr<GalleryFileReport> Check(SQLite::Database& database, const std::string& path) {
  GalleryFileReport report;
  try {
    database.exec("BEGIN");  // all of it is of one state
    CheckIsOurs(database);
    if (NumberFrom(database, "SELECT count(*) FROM sqlite_schema") == 0) return Wrong(path, "it is empty");
  } catch (const SQLite::Exception& error) {
    if (error.getErrorCode() != SQLITE_CORRUPT) return Wrong(path, error.what());
    report.problems.push_back(error.what());
    return report;
  } catch (const std::exception& error) {
    return Wrong(path, error.what());
  }
  try {
    ReadReport(database, report);
  } catch (const std::exception& error) {
    report.problems.push_back(error.what());
  }
  return report;
}

// Opened so that nothing is made beside it: for a file that nobody writes.
SQLite::Database OpenUnchanging(const std::string& path) {
  return SQLite::Database("file:" + UriPath(path) + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
}

// With its log, and beside a server. Throws.
SQLite::Database OpenForReading(const std::string& path) {
  if (!HasServer(path) && IsEmptyOrGone(path + "-wal")) return OpenUnchanging(path);
  return SQLite::Database(path, SQLite::OPEN_READONLY, kBusyTimeoutMs);
}

// Whether the file may be opened with what lies beside it. `name` is what it is called in errors.
absl::Status CheckReadable(const std::string& path, const std::string& name) {
  std::error_code error;
  if (!fs::exists(path, error) && !fs::exists(path + "-wal", error)) {
    return absl::NotFoundError(absl::StrCat(name, " is not there"));
  }
  if (HasServer(path)) return absl::OkStatus();  // which has looked at its log
  if (absl::Status status = CheckLogBelongs(path); !status.ok()) return Wrong(name, status.message());
  return absl::OkStatus();
}

absl::Status CheckWhole(const GalleryFileReport& report, const std::string& path) {
  if (report.problems.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, " is damaged: ", report.problems.front(), "; nothing was written"));
}

// Copies the state that `from` has now into the file at `to`, which is made whole without a log, and checks it. `name`
// is what `from` is called in errors.
absl::StatusOr<GalleryFileReport> Copy(const std::string& from, const std::string& name, const std::string& to) {
  if (absl::Status status = CheckReadable(from, name); !status.ok()) return status;
  try {
    SQLite::Database source = OpenForReading(from);
    try {
      CheckIsOurs(source);
    } catch (const std::exception& error) {
      return Wrong(name, error.what());
    }
    SQLite::Database copy(to, SQLite::OPEN_READWRITE);
    copy.exec("PRAGMA synchronous = OFF");  // it is synced as a whole
    SQLite::Backup(copy, source).executeStep(-1);
    copy.exec("PRAGMA journal_mode = DELETE");
  } catch (const std::exception& error) {
    return Wrong(name, absl::StrCat("cannot be copied: ", error.what()));
  }
  SQLite::Database copy = OpenUnchanging(to);
  absl::StatusOr<GalleryFileReport> report = Check(copy, name);
  if (!report.ok()) return report.status();
  if (absl::Status status = CheckWhole(*report, name); !status.ok()) return status;
  return report;
}

// Makes the copy another history than that of every other copy of the backup.
absl::Status BeginHistory(const std::string& path, GalleryFileReport& report) {
  if (report.history.empty()) return absl::OkStatus();  // it gets one when a server brings it up to date
  try {
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    SQLite::Statement begin(database, "UPDATE gallery SET history = ?, previous_tag = tag, tag = ?");
    begin.bind(1, report.history = RandomId());
    begin.bind(2, RandomId());
    begin.exec();
    SQLite::Statement link(database, "UPDATE log_link SET previous = stamp, stamp = ?");
    link.bind(1, StampOf(RandomId(), 0));
    link.exec();
  } catch (const std::exception& error) {
    return Wrong(path, error.what());
  }
  return absl::OkStatus();
}

// The owner of what is at `path`, or of its folder: root restores for the user that the server runs as.
absl::Status GiveToOwner(const std::string& file, const std::string& path) {
  struct stat owner {};
  if (geteuid() != 0) return absl::OkStatus();
  if (stat(path.c_str(), &owner) != 0 && stat(FolderOf(path).c_str(), &owner) != 0) return FailedTo("read", path);
  return chown(file.c_str(), owner.st_uid, owner.st_gid) == 0 ? absl::OkStatus() : FailedTo("given to its owner", file);
}

// Whether the two are known to be different galleries.
bool AreDifferent(const std::string& backup_id, const std::string& there) {
  try {
    SQLite::Database database = OpenUnchanging(there);
    if (backup_id.empty() || !HasColumn(database, "gallery", "gallery_id")) return false;
    return database.execAndGet("SELECT gallery_id FROM gallery").getString() != backup_id;
  } catch (const std::exception&) {
    return false;  // damaged: the reason to restore
  }
}

// Gives the file a second name, so that it is at its place until another one is put there.
absl::Status Keep(const std::string& path, const std::string& as) {
  if (link(path.c_str(), as.c_str()) == 0) return absl::OkStatus();
  std::error_code error;  // of a file system without such links
  if (fs::copy_file(path, as, error); error) return FailedTo("kept", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GalleryFileReport> CheckGalleryFile(const std::string& path) {
  const std::string real = RealPath(path);
  std::error_code error;
  if (!fs::exists(real, error) && !fs::exists(real + "-wal", error)) {
    return absl::NotFoundError(absl::StrCat(path, " is not there"));
  }
  if (!HasServer(real)) {
    if (absl::Status status = CheckLogBelongs(real); !status.ok()) {
      GalleryFileReport report;
      report.problems.emplace_back(status.message());
      return report;
    }
  }
  try {
    SQLite::Database database = OpenForReading(real);
    return Check(database, path);
  } catch (const std::exception& caught) {
    return Wrong(path, caught.what());
  }
}

absl::StatusOr<GalleryFileReport> BackUpGallery(const std::string& from, const std::string& to) {
  const std::string source = RealPath(from), target = RealPath(to);
  std::error_code error;
  if (source == target || fs::equivalent(source, target, error)) return Wrong(to, "is the gallery itself");
  if (HasServer(target)) return Wrong(to, "a server has it open as its gallery");
  if (!IsEmptyOrGone(target + "-wal")) {
    return Wrong(to, absl::StrCat("there is a write-ahead log beside it (", target,
                                  "-wal), which would be replayed into the backup; choose another name"));
  }
  UnfinishedFile copy(target);
  if (!copy.made()) return FailedTo("written", to);
  absl::StatusOr<GalleryFileReport> report = Copy(source, from, copy.path());
  if (!report.ok()) return report.status();
  if (absl::Status status = copy.PutInPlace(target); !status.ok()) return status;
  if (absl::Status status = SyncFolderOf(target); !status.ok()) return status;
  return report;
}

absl::StatusOr<RestoredGallery> RestoreGallery(const std::string& backup, const std::string& to, absl::Time now,
                                               const RestoreOptions& options) {
  const std::string source = RealPath(backup), target = RealPath(to);
  std::error_code error;
  if (source == target || fs::equivalent(source, target, error)) return Wrong(backup, "is the gallery itself");
  const FileLock lock(target + ".lock");
  if (!lock.Exists()) return FailedTo("locked", to);
  if (!lock.Acquire()) return Wrong(to, "a server has it open; stop it first");
  if (absl::Status status = GiveToOwner(target + ".lock", target); !status.ok()) return status;

  UnfinishedFile copy(target);
  if (!copy.made()) return FailedTo("written", to);
  absl::StatusOr<GalleryFileReport> report = Copy(source, backup, copy.path());
  if (!report.ok()) return report.status();
  if (!options.other_gallery && AreDifferent(report->gallery_id, target)) {
    return Wrong(to, absl::StrCat("another gallery is there than the one that ", backup,
                                  " is a backup of; --other-gallery puts it in place all the same"));
  }
  if (absl::Status status = BeginHistory(copy.path(), *report); !status.ok()) return status;
  if (absl::Status status = GiveToOwner(copy.path(), target); !status.ok()) return status;

  // Where this breaks off after the new file is in place, the old log is beside it still: a server does not start then
  // (CheckLogBelongs()), and the next restore sets the log aside.
  const std::string log = target + "-wal";
  const bool had_file = fs::exists(target, error), had_log = !IsEmptyOrGone(log);
  const std::string kept =
      absl::StrCat(target, ".before-restore-", absl::FormatTime("%Y%m%dT%H%M%E3SZ", now, absl::UTCTimeZone()));
  const bool own_log = had_file && CheckLogBelongs(target).ok();
  if (had_file) {
    if (absl::Status status = Keep(target, kept); !status.ok()) return status;
  }
  if (absl::Status status = copy.PutInPlace(target); !status.ok()) return status;
  if (had_log && rename(log.c_str(), absl::StrCat(kept, own_log ? "-wal" : ".other-wal").c_str()) != 0) {
    return FailedTo("set aside", log);
  }
  for (const char* suffix : {"-wal", "-shm", "-journal"}) fs::remove(target + suffix, error);
  if (absl::Status status = SyncFolderOf(target); !status.ok()) return status;
  return RestoredGallery{*std::move(report), had_file || had_log ? kept : ""};
}

}  // namespace likeness
