// A gallery in one SQLite file.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/files/file_lock.h"
#include "server/gallery/sql.h"

namespace likeness {

class SqliteConnection;

// Thread-safe. Writers take turns on one connection; readers have connections of their own and never wait for a writer.
// The schema is documented in sqlite_connection.cc.
class SqliteDatabase : public SqlDatabase {
 public:
  // Opens or creates the file, with its folder. A gallery belongs to one server at a time: FAILED_PRECONDITION when
  // another one has it open, when the file is not a gallery, or when it comes from a newer version.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path);
  ~SqliteDatabase() override;

  absl::Status Read(Work work) override;
  absl::Status Write(Work work) override;
  absl::Status Erase(Work work) override;
  bool shared() const override { return false; }
  void AwaitChange(absl::Duration limit) override;

 private:
  SqliteDatabase(std::string path, std::unique_ptr<FileLock> lock, std::unique_ptr<SqliteConnection> writer);

  std::unique_ptr<SqliteConnection> TakeReader();
  void ReturnReader(std::unique_ptr<SqliteConnection> reader);

  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
  absl::Mutex writer_mutex_;
  std::unique_ptr<SqliteConnection> writer_ ABSL_GUARDED_BY(writer_mutex_);
  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_DATABASE_H_
