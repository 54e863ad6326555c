// A gallery in one SQLite file.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/files/file_lock.h"
#include "server/gallery/sql.h"

namespace likeness {

class SqliteConnection;
class SqliteFileWatch;

// Who wants to know what happens to the file. All are called on any thread, with locks held, and must return soon.
struct SqliteEvents {
  // The file was removed, replaced or overwritten. Once.
  std::function<void()> on_lost = [] {};
  // So many deletions have bytes left in the write-ahead log, because somebody reads there. At every change.
  std::function<void(int64_t)> on_pending_erasures = [](int64_t) {};
};

// Thread-safe. Writers take turns on one connection; readers have connections of their own and never wait for a writer.
// The schema is documented in sqlite_connection.cc.
//
// Erase() empties the write-ahead log, which holds the pages as they were before. While a reader (another process that
// makes a backup) needs them still, it returns all the same, and a thread finishes as soon as the reader is gone.
class SqliteDatabase : public SqlDatabase {
 public:
  // Opens or creates the file, with its folder. A gallery belongs to one server at a time: FAILED_PRECONDITION when
  // another one has it open, when the file is not a gallery, when it comes from a newer version, or when the
  // write-ahead log beside it belongs to another state of it (write_ahead_log.h).
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path, SqliteEvents events = {});
  ~SqliteDatabase() override;

  absl::Status Read(Work work) override;
  absl::Status Write(Work work) override;
  absl::Status Erase(Work work) override;
  // Looked at four times a second, and before and after each transaction that writes.
  bool intact() const override { return !lost_; }
  bool shared() const override { return false; }
  void AwaitChange(absl::Duration limit) override;

 private:
  SqliteDatabase(std::string path, SqliteEvents events, std::unique_ptr<FileLock> lock,
                 std::unique_ptr<SqliteConnection> writer, std::unique_ptr<SqliteFileWatch> watch, bool log_empty);

  std::unique_ptr<SqliteConnection> TakeReader();
  void ReturnReader(std::unique_ptr<SqliteConnection> reader);
  absl::Status WriteNow(Work work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Looks at the file; STORE_FAILED once it was lost.
  absl::Status CheckFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // One of so many more deletions that may have left bytes in the log.
  void EmptyLog(int64_t deletions) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // Of the thread that looks at the file and finishes what Erase() could not.
  void Keep();

  const std::string path_;
  const SqliteEvents events_;
  const std::unique_ptr<FileLock> lock_;
  const std::unique_ptr<SqliteFileWatch> watch_;
  std::atomic<bool> lost_ = false;
  absl::Mutex writer_mutex_;
  std::unique_ptr<SqliteConnection> writer_ ABSL_GUARDED_BY(writer_mutex_);
  bool lost_log_ ABSL_GUARDED_BY(writer_mutex_) = false;  // and what is in it alone
  int64_t pending_erasures_ ABSL_GUARDED_BY(writer_mutex_) = 0;
  absl::Time pending_since_ ABSL_GUARDED_BY(writer_mutex_) = absl::Now();
  bool pending_logged_ ABSL_GUARDED_BY(writer_mutex_) = false;
  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);
  absl::Mutex keeper_mutex_;
  bool stopping_ ABSL_GUARDED_BY(keeper_mutex_) = false;
  std::thread keeper_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_
