// One connection to a PostgreSQL server. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/gallery/postgres_hosts.h"
#include "server/gallery/sql.h"

struct pg_conn;
struct pg_result;

namespace likeness {

// The connection is of no more use: it was cut, by the server or on the way.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// No server can be connected to, or it says nothing at all, so that nothing is to be expected of another connection.
class DatabaseAway : public ConnectionLost {
 public:
  using ConnectionLost::ConnectionLost;
};

// The server answered that it will not. Where it refused a statement, the connection goes on, and a transaction is to
// be rolled back; where it refused the connection, that is of no use, but others may be.
class DatabaseRefused : public std::runtime_error {
 public:
  DatabaseRefused(std::string sqlstate, const std::string& message)
      : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}

  // Five characters, as in PostgreSQL's appendix "Error Codes".
  const std::string& sqlstate() const { return sqlstate_; }
  // It took too long, or stood in the way of others: the same may go well the next time.
  bool slow() const;
  // The server takes no changes: it is a standby, or has become one.
  bool read_only() const { return sqlstate_ == "25006"; }
  // The role lacks a privilege.
  bool forbidden() const { return sqlstate_ == "42501"; }

 private:
  const std::string sqlstate_;
};

// How long things may take. The server gives a statement up when it has taken as long as `statement`; the client waits
// for a while longer, so that it hears of that and can tell a slow server from one that says nothing.
struct PostgresLimits {
  absl::Duration connect = absl::Seconds(2);  // to each host
  absl::Duration statement = absl::Seconds(2);
  // Asked about once a second while the server says nothing; when it is true nothing more is expected. May be null.
  std::function<bool()> is_hopeless = nullptr;

  absl::Duration ClientWait() const;
};

// Not thread-safe: one thread at a time. Everything throws ConnectionLost, DatabaseAway or DatabaseRefused. Nothing
// takes longer than the limits, also where the other side has stopped without a word.
class PostgresConnection : public SqlSession {
 public:
  // To the first host that answers, and notes which one it was.
  PostgresConnection(PostgresHosts& hosts, PostgresLimits limits);
  // `url` as libpq takes it: postgres://user@host:port/database?options.
  PostgresConnection(const std::string& url, absl::Duration timeout);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // Sets the session up: its limits at the server, and what answered changes rely on. To be called before anything else
  // but the next two.
  void Prepare();
  // The number of the server's process that does the work of this connection now.
  int64_t BackendId();
  // Whether that is the process that the connection was made to: with a pooler in between it is not.
  bool IsDirect();

  using SqlSession::Run;
  std::vector<SqlRow> Run(const char* sql, const std::vector<SqlValue>& parameters) override;
  int64_t Change(const char* sql, const std::vector<SqlValue>& parameters) override;

  // Runs statements without parameters or results.
  void Execute(const std::string& sql);

  // Waits until a notification comes on a channel listened to, or `limit` has passed; returns whether one came.
  bool AwaitNotification(absl::Duration limit);
  // False where the server has hung up meanwhile. Asks nobody, so that true means little.
  bool LooksAlive();

 private:
  struct ResultDeleter {
    void operator()(pg_result* result) const;
  };
  using Result = std::unique_ptr<pg_result, ResultDeleter>;

  void ConnectToAny(PostgresHosts& hosts);
  void Connect(const PostgresHost& host, absl::Duration limit);
  // Waits until the socket can be read, or written too where `write`; false when `until` comes first.
  bool Await(bool write, absl::Time until) const;
  // The result of what was sent.
  Result Receive();
  [[noreturn]] void ThrowRefused(const pg_result* result) const;
  Result RunPrepared(const char* sql, const std::vector<SqlValue>& parameters);
  void Send(bool sent);
  [[noreturn]] void ThrowLost(const std::string& why) const;

  const PostgresLimits limits_;
  pg_conn* connection_ = nullptr;
  std::map<std::string, std::string> statements_;  // their names
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_CONNECTION_H_
