// Connections to PostgreSQL that are kept for the next transaction. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_POOL_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_POOL_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/postgres_connection.h"

namespace likeness {

// Thread-safe. Must outlive its leases.
class PostgresPool {
 public:
  using Connection = std::unique_ptr<PostgresConnection>;

  struct Options {
    std::function<Connection()> connect;
    int most = 1;             // connections
    absl::Duration patience;  // with those that others have
    std::string none_free;    // what is said when none became free
  };

  // A connection that one transaction has. Unless Keep() was called, it is closed at the end.
  class Lease {
   public:
    Lease(PostgresPool& pool, Connection connection, bool used)
        : pool_(&pool), connection_(std::move(connection)), used_(used) {}
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    PostgresConnection& operator*() const { return *connection_; }
    PostgresConnection* operator->() const { return connection_.get(); }
    // Whether it was open before: what happened to it since shows only now.
    bool used() const { return used_; }
    // It is in order, between two transactions.
    void Keep() { keep_ = true; }

   private:
    PostgresPool* pool_;
    Connection connection_;
    const bool used_;
    bool keep_ = false;
  };

  explicit PostgresPool(Options options) : options_(std::move(options)) {}

  // Waits until a connection is free. Where `fresh`, it is made now. Throws std::runtime_error when none becomes free
  // in time, and what `connect` throws.
  Lease Take(bool fresh);
  // Closes those that nobody uses.
  void CloseIdle();

 private:
  void Return(Connection connection);

  const Options options_;
  absl::Mutex mutex_;
  std::vector<Connection> idle_ ABSL_GUARDED_BY(mutex_);
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_POOL_H_
