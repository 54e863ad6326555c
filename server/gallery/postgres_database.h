// A gallery in a PostgreSQL database, shared by any number of servers.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/sql.h"

namespace likeness {

class PostgresConnection;

struct PostgresOptions {
  std::string url;                            // as libpq takes it: postgres://user@host:port/database?options
  absl::Duration timeout = absl::Seconds(2);  // of connecting, and of each statement
  int connections = 8;                        // at most, and one to listen with
};

// Thread-safe. Writers of all servers take turns, so that changes have an order. While the database cannot be reached,
// calls fail at once, except one a second that tries again.
class PostgresDatabase : public SqlDatabase {
 public:
  // Connects, and makes or updates the tables. FAILED_PRECONDITION when it cannot, or when they are of a newer version.
  static absl::StatusOr<std::unique_ptr<PostgresDatabase>> Open(PostgresOptions options);
  ~PostgresDatabase() override;

  absl::Status Read(Work work) override;
  absl::Status Write(Work work) override;
  // What is deleted stays in the files until PostgreSQL vacuums and recycles its log: docs/security.md.
  absl::Status Erase(Work work) override { return Write(work); }
  bool shared() const override { return true; }
  // To be called by one thread only.
  void AwaitChange(absl::Duration limit) override;

 private:
  using Connection = std::unique_ptr<PostgresConnection>;

  explicit PostgresDatabase(PostgresOptions options);
  // Runs `work` on a connection, between `begin` and COMMIT.
  absl::Status Transact(const char* begin, Work work, const char* doing);
  // Throws ConnectionLost; std::runtime_error when none is free, and at once while the database is known to be away.
  Connection Take();
  // Null for one that is of no more use.
  void Return(Connection connection);
  void NoteReachable(bool reachable);

  const PostgresOptions options_;
  absl::Mutex mutex_;
  std::vector<Connection> idle_ ABSL_GUARDED_BY(mutex_);
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reachable_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Time next_try_ ABSL_GUARDED_BY(mutex_);  // while it is not reachable
  Connection listener_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_
