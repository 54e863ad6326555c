// Whether a gallery's file is still the one that was opened. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_FILE_WATCH_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_FILE_WATCH_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/sqlite_connection.h"

namespace likeness {

// SQLite goes on with the files that it has open, whatever happens to their names, and what it writes then is lost with
// the process. So this compares what lies at the paths with what was there at the start, and the link in the file
// (write_ahead_log.h), read past SQLite, with those that this opening wrote: a backup copied over the file keeps its
// inode.
//
// Thread-safe.
class SqliteFileWatch {
 public:
  // What was found, for the operator: "was removed".
  struct Loss {
    std::string what;
    bool log_alone = false;  // the file itself is as it was; only the files beside it are gone
  };

  // Of the file that `path` led to when it was opened, with its log; every transaction that writes from now on leaves
  // NextStamp() in it. `connection` is the watch's own. Throws std::exception.
  SqliteFileWatch(const std::string& path, std::unique_ptr<SqliteConnection> connection);

  // Of no transaction before. Thread-safe.
  std::string NextStamp();

  // Nothing while everything is in its place. Some microseconds.
  std::optional<Loss> Look();

  // Leaves the files as they are when the connection is closed.
  void LeaveFiles();

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct Watched {
    std::string path;
    Identity identity;
  };

  // Nothing where there is no file, or it cannot be said.
  static std::optional<Identity> IdentityOf(const std::string& path, bool& gone);
  static std::optional<std::string> LookAt(const Watched& file);
  // Of the file itself, past SQLite and its log; empty where it has not so much.
  std::string ReadAt(int64_t offset, int size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The stamp in the file itself; empty where there is none.
  std::string StampInFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string StampOnPage(uint32_t page) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint32_t LinkPage() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether the stamp in the file is the one seen before, or a later one of this opening.
  bool IsOurs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string opening_;
  Watched file_;
  std::vector<Watched> beside_;
  absl::Mutex mutex_;
  const std::unique_ptr<SqliteConnection> connection_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  int page_size_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t page_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_FILE_WATCH_H_
