// One connection to a PostgreSQL server. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/gallery/sql.h"

struct pg_conn;
struct pg_result;

namespace likeness {

// The server cannot be reached, or did not answer in time; the connection is of no more use.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Not thread-safe: one thread at a time. Everything throws ConnectionLost, or std::runtime_error for what the server
// refuses. Nothing takes longer than the timeout, also where the other side has stopped without a word.
class PostgresConnection : public SqlSession {
 public:
  // `url` as libpq takes it: postgres://user@host:port/database?options.
  PostgresConnection(const std::string& url, absl::Duration timeout);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  using SqlSession::Run;
  std::vector<SqlRow> Run(const char* sql, const std::vector<SqlValue>& parameters) override;
  int64_t Change(const char* sql, const std::vector<SqlValue>& parameters) override;

  // Runs statements without parameters or results.
  void Execute(const std::string& sql);

  // Waits until a notification comes on a channel listened to, or `limit` has passed.
  void AwaitNotification(absl::Duration limit);

 private:
  struct ResultDeleter {
    void operator()(pg_result* result) const;
  };
  using Result = std::unique_ptr<pg_result, ResultDeleter>;

  void Connect(const std::string& url);
  // Waits until the socket can be read, or written too where `write`; false when `until` comes first.
  bool Await(bool write, absl::Time until) const;
  // The result of what was sent.
  Result Receive();
  Result RunPrepared(const char* sql, const std::vector<SqlValue>& parameters);
  void Send(bool sent);
  [[noreturn]] void ThrowLost(const std::string& why) const;

  const absl::Duration timeout_;
  pg_conn* connection_ = nullptr;
  std::map<std::string, std::string> statements_;  // their names
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_
