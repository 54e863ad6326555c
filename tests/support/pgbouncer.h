// Debian's pgbouncer in front of a test's PostgreSQL.
#ifndef LIKENESS_TESTS_SUPPORT_PGBOUNCER_H_
#define LIKENESS_TESTS_SUPPORT_PGBOUNCER_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "tests/support/postgres_server.h"

namespace likeness {

class PgBouncer {
 public:
  // With `pool_mode` "session", "transaction" or "statement". Null, with a message, where it is not installed or does
  // not start. The server must outlive it.
  static std::unique_ptr<PgBouncer> Start(const PostgresServer& server, const std::string& pool_mode);
  ~PgBouncer();

  // The way to a gallery that PostgresServer::NewDatabase() made.
  std::string To(const std::string& database) const;

 private:
  explicit PgBouncer(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  pid_t pid_ = -1;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_PGBOUNCER_H_
