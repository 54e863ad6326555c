#include "server/gallery/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace likeness {
namespace {

// Of PostgreSQL's types (pg_type.dat).
constexpr Oid kByteA = 17, kInt8 = 20, kInt4 = 23, kText = 25;
constexpr int kTextFormat = 0, kBinaryFormat = 1;

// A parameter as libpq takes it.
struct Parameter {
  Oid type = 0;  // 0: whatever fits
  std::string bytes;
  bool null = false;
  int format = kTextFormat;
};

struct ToParameter {
  Parameter operator()(std::monostate) const { return {0, "", true, kTextFormat}; }
  Parameter operator()(int64_t number) const { return {kInt8, absl::StrCat(number), false, kTextFormat}; }
  Parameter operator()(const std::string& text) const { return {kText, text, false, kBinaryFormat}; }
  Parameter operator()(const Blob& blob) const { return {kByteA, blob.bytes, false, kBinaryFormat}; }
};

std::string Trimmed(const char* message) {
  return std::string(absl::StripAsciiWhitespace(message == nullptr ? "" : message));
}

int64_t BigEndian(const char* bytes, int size) {
  uint64_t number = 0;
  for (int i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return size == 4 ? static_cast<int32_t>(number) : static_cast<int64_t>(number);
}

SqlValue ValueOf(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::monostate();
  const char* bytes = PQgetvalue(result, row, column);
  const int size = PQgetlength(result, row, column);
  switch (PQftype(result, column)) {
    case kInt8:
    case kInt4:
      return BigEndian(bytes, size);
    case kByteA:
      return Blob{std::string(bytes, static_cast<size_t>(size))};
    default:
      return std::string(bytes, static_cast<size_t>(size));
  }
}

}  // namespace

void PostgresConnection::ResultDeleter::operator()(pg_result* result) const { PQclear(result); }

PostgresConnection::PostgresConnection(const std::string& url, absl::Duration timeout) : timeout_(timeout) {
  try {
    Connect(url);
    const int64_t milliseconds = absl::ToInt64Milliseconds(timeout_);
    // A session that stopped in the middle of a transaction must not keep everybody else waiting. Where commits need
    // not reach the disk, an answered change could be lost.
    Execute(
        absl::StrCat("SET statement_timeout = ", milliseconds, "; SET lock_timeout = ", milliseconds,
                     "; SET idle_in_transaction_session_timeout = ", milliseconds,
                     "; SET client_min_messages = warning; SELECT set_config('synchronous_commit', 'on', false) WHERE "
                     "current_setting('synchronous_commit') = 'off'"));
  } catch (...) {
    PQfinish(connection_);
    throw;
  }
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

void PostgresConnection::ThrowLost(const std::string& why) const { throw ConnectionLost(why); }

void PostgresConnection::Connect(const std::string& url) {
  const char* const names[] = {"dbname", "application_name", "client_encoding", nullptr};
  const char* const values[] = {url.c_str(), "likeness", "UTF8", nullptr};
  connection_ = PQconnectStartParams(names, values, /*expand_dbname=*/1);
  if (connection_ == nullptr) throw std::bad_alloc();
  const absl::Time until = absl::Now() + timeout_;
  PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
  while (polling != PGRES_POLLING_OK) {
    if (PQstatus(connection_) == CONNECTION_BAD || polling == PGRES_POLLING_FAILED) {
      ThrowLost(Trimmed(PQerrorMessage(connection_)));
    }
    if (!Await(polling == PGRES_POLLING_WRITING, until)) ThrowLost("the database does not answer");
    polling = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0) ThrowLost(Trimmed(PQerrorMessage(connection_)));
}

bool PostgresConnection::Await(bool write, absl::Time until) const {
  pollfd socket{PQsocket(connection_), static_cast<short>(write ? POLLIN | POLLOUT : POLLIN), 0};
  while (true) {
    const int64_t left = absl::ToInt64Milliseconds(until - absl::Now());
    const int ready = poll(&socket, 1, static_cast<int>(std::max<int64_t>(0, left)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) ThrowLost("the connection to the database failed");
  }
}

void PostgresConnection::Send(bool sent) {
  if (!sent) ThrowLost(Trimmed(PQerrorMessage(connection_)));
}

PostgresConnection::Result PostgresConnection::Receive() {
  const absl::Time until = absl::Now() + timeout_;
  Result last;
  while (true) {
    const int unsent = PQflush(connection_);
    if (unsent < 0 || PQconsumeInput(connection_) == 0) ThrowLost(Trimmed(PQerrorMessage(connection_)));
    if (unsent == 0 && PQisBusy(connection_) == 0) {
      Result next(PQgetResult(connection_));
      if (next == nullptr) break;
      last = std::move(next);
      continue;
    }
    if (!Await(unsent == 1, until)) ThrowLost("the database does not answer");
  }
  if (last == nullptr) ThrowLost("the connection to the database failed");
  const ExecStatusType status = PQresultStatus(last.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return last;
  // Without the detail, which may name a person.
  const std::string message = Trimmed(PQresultErrorField(last.get(), PG_DIAG_MESSAGE_PRIMARY));
  if (PQstatus(connection_) == CONNECTION_BAD) ThrowLost(message);
  throw std::runtime_error(message);
}

void PostgresConnection::Execute(const std::string& sql) {
  Send(PQsendQuery(connection_, sql.c_str()) == 1);
  Receive();
}

PostgresConnection::Result PostgresConnection::RunPrepared(const char* sql, const std::vector<SqlValue>& parameters) {
  std::vector<Parameter> converted;
  for (const SqlValue& value : parameters) converted.push_back(std::visit(ToParameter(), value));
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    std::vector<Oid> types;
    for (const Parameter& parameter : converted) types.push_back(parameter.type);
    const std::string name = absl::StrCat("s", statements_.size());
    Send(PQsendPrepare(connection_, name.c_str(), sql, static_cast<int>(types.size()), types.data()) == 1);
    Receive();
    found = statements_.emplace(sql, name).first;
  }
  std::vector<const char*> values;
  std::vector<int> sizes, formats;
  for (const Parameter& parameter : converted) {
    values.push_back(parameter.null ? nullptr : parameter.bytes.c_str());
    sizes.push_back(static_cast<int>(parameter.bytes.size()));
    formats.push_back(parameter.format);
  }
  Send(PQsendQueryPrepared(connection_, found->second.c_str(), static_cast<int>(values.size()), values.data(),
                           sizes.data(), formats.data(), kBinaryFormat) == 1);
  return Receive();
}

std::vector<SqlRow> PostgresConnection::Run(const char* sql, const std::vector<SqlValue>& parameters) {
  const Result result = RunPrepared(sql, parameters);
  std::vector<SqlRow> rows(static_cast<size_t>(PQntuples(result.get())));
  for (size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      rows[row].push_back(ValueOf(result.get(), static_cast<int>(row), column));
    }
  }
  return rows;
}

int64_t PostgresConnection::Change(const char* sql, const std::vector<SqlValue>& parameters) {
  const Result result = RunPrepared(sql, parameters);
  int64_t rows = 0;
  return absl::SimpleAtoi(PQcmdTuples(result.get()), &rows) ? rows : 0;
}

void PostgresConnection::AwaitNotification(absl::Duration limit) {
  const absl::Time until = absl::Now() + limit;
  while (true) {
    if (PQconsumeInput(connection_) == 0) ThrowLost(Trimmed(PQerrorMessage(connection_)));
    bool notified = false;
    while (PGnotify* notification = PQnotifies(connection_)) {
      PQfreemem(notification);
      notified = true;
    }
    if (notified || !Await(/*write=*/false, until)) return;
  }
}

}  // namespace likeness
