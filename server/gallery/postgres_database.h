// A gallery in a PostgreSQL database, shared by any number of servers.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/postgres_hosts.h"
#include "server/gallery/postgres_pool.h"
#include "server/gallery/sql.h"

namespace likeness {

struct PostgresOptions {
  std::string url;                            // as libpq takes it: postgres://user@host:port/database?options
  absl::Duration timeout = absl::Seconds(2);  // of connecting to a host, and of each statement
  int connections = 8;                        // at most; kMaintenanceConnections and one to listen with come on top
};

// Thread-safe. Writers of all servers take turns, so that changes have an order. While the database cannot be reached,
// calls fail at once, except one a second that tries again. One that is slow fails the calls that it is slow for.
class PostgresDatabase : public SqlDatabase {
 public:
  static constexpr int kMaintenanceConnections = 2;

  // Connects, and makes or updates the tables. FAILED_PRECONDITION when it cannot, when they are of a newer version, or
  // when transactions of one session are done by several (a pooler in transaction mode).
  static absl::StatusOr<std::unique_ptr<PostgresDatabase>> Open(PostgresOptions options);
  ~PostgresDatabase() override;

  absl::Status Read(Work work) override;
  absl::Status Write(Work work) override;
  // What is deleted stays in the files until PostgreSQL vacuums and recycles its log: docs/security.md.
  absl::Status Erase(Work work) override { return Write(work); }
  absl::Status Survey(Work work) override;
  absl::Status Maintain(Work work) override;
  absl::Status Purge(Work work) override { return Maintain(work); }
  bool shared() const override { return true; }
  // To be called by one thread only.
  void AwaitChange(absl::Duration limit) override;

 private:
  PostgresDatabase(PostgresOptions options, std::shared_ptr<PostgresHosts> hosts);
  // Runs `work` on a connection of the pool, between `begin` and COMMIT.
  absl::Status Transact(PostgresPool& pool, const char* begin, Work work, const char* doing);
  // A connection on which `begin` was done. Throws as PostgresConnection does.
  PostgresPool::Lease Begin(PostgresPool& pool, const char* begin);
  PostgresLimits MaintenanceLimits();
  // Throws at once while the database is known to be away.
  void CheckReachable();
  void NoteReachable(bool reachable);
  void Listen(absl::Duration limit);

  const PostgresOptions options_;
  const std::shared_ptr<PostgresHosts> hosts_;
  absl::Mutex mutex_;
  PostgresPool calls_;
  PostgresPool maintenance_;
  bool reachable_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Time next_try_ ABSL_GUARDED_BY(mutex_);  // while it is not reachable
  int writers_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the thread that listens.
  std::unique_ptr<PostgresConnection> listener_;
  absl::Time heard_;  // when it last said anything
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_DATABASE_H_
