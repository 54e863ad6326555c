#include "server/gallery/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <regex>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace likeness {
namespace {

// Of PostgreSQL's types (pg_type.dat).
constexpr Oid kByteA = 17, kInt8 = 20, kInt4 = 23, kText = 25;
constexpr int kTextFormat = 0, kBinaryFormat = 1;
// Of a transaction, while nothing of it runs.
constexpr absl::Duration kMostBetweenStatements = absl::Seconds(10);
constexpr absl::Duration kBetweenLooks = absl::Seconds(1);

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

// Why a host was not connected to. Where the server itself said so, the code is in front of its message:
// `… failed: FATAL:  53300: sorry, too many clients already`, and where in its source below.
[[noreturn]] void ThrowNotConnected(const char* text) {
  const std::string message = Trimmed(text);
  static const std::regex said(": +([0-9][0-9A-Z]{4}): +([^\n]*)");
  std::smatch match;
  if (!std::regex_search(message, match, said)) throw DatabaseAway(message);
  const std::string short_message = absl::StrCat(match.prefix().str(), ": ", match[2].str());
  const std::string sqlstate = match[1];
  // Class 57: it starts, stops or recovers.
  if (absl::StartsWith(sqlstate, "57P")) throw DatabaseAway(short_message);
  throw DatabaseRefused(sqlstate, short_message);
}

}  // namespace

bool DatabaseRefused::slow() const {
  // The statement or a wait for a lock took too long; transactions stood in each other's way.
  return sqlstate_ == "57014" || sqlstate_ == "55P03" || sqlstate_ == "40001" || sqlstate_ == "40P01";
}

absl::Duration PostgresLimits::ClientWait() const {
  return statement + std::clamp(statement / 4, absl::Milliseconds(250), absl::Seconds(5));
}

void PostgresConnection::ResultDeleter::operator()(pg_result* result) const { PQclear(result); }

PostgresConnection::PostgresConnection(PostgresHosts& hosts, PostgresLimits limits) : limits_(std::move(limits)) {
  ConnectToAny(hosts);
}

PostgresConnection::PostgresConnection(const std::string& url, absl::Duration timeout)
    : limits_{.connect = timeout, .statement = timeout, .is_hopeless = nullptr} {
  PostgresHosts hosts(url);
  ConnectToAny(hosts);
  try {
    Prepare();
  } catch (...) {
    PQfinish(connection_);
    throw;
  }
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

void PostgresConnection::Prepare() {
  const int64_t limit = absl::ToInt64Milliseconds(limits_.statement);
  const int64_t idle_limit = absl::ToInt64Milliseconds(std::min(limits_.statement, kMostBetweenStatements));
  // A session that stopped in the middle of a transaction must not keep everybody else waiting. Compiling a statement
  // takes a second, ours tens of milliseconds. Where commits need not reach the disk, an answered change could be lost.
  Execute(absl::StrCat("SET statement_timeout = ", limit, "; SET lock_timeout = ", limit,
                       "; SET idle_in_transaction_session_timeout = ", idle_limit,
                       "; SET jit = off; SET client_min_messages = warning; SELECT set_config('synchronous_commit', "
                       "'on', false) WHERE current_setting('synchronous_commit') = 'off'"));
}

int64_t PostgresConnection::BackendId() {
  // Not prepared: through a pooler, the next statement may be another process's.
  Send(PQsendQuery(connection_, "SELECT pg_backend_pid()") == 1);
  const Result result = Receive();
  int64_t id = 0;
  if (PQntuples(result.get()) != 1 || !absl::SimpleAtoi(PQgetvalue(result.get(), 0, 0), &id)) {
    throw std::runtime_error("the database does not say which process it is");
  }
  return id;
}

bool PostgresConnection::IsDirect() { return BackendId() == PQbackendPID(connection_); }

void PostgresConnection::ThrowLost(const std::string& why) const {
  throw ConnectionLost(why.substr(0, why.find('\n')));  // libpq guesses at reasons below
}

void PostgresConnection::ConnectToAny(PostgresHosts& hosts) {
  std::vector<std::string> complaints;
  std::optional<DatabaseRefused> refused;
  for (const PostgresHost& host : hosts.InOrder()) {
    try {
      Connect(host, hosts.ConnectTimeout(limits_.connect));
      hosts.NoteAnswered(host);
      return;
    } catch (const DatabaseRefused& error) {
      if (!refused.has_value()) refused.emplace(error);
      complaints.emplace_back(error.what());
    } catch (const std::exception& error) {
      complaints.emplace_back(error.what());
    }
    PQfinish(std::exchange(connection_, nullptr));
  }
  const std::string message = absl::StrJoin(complaints, "; ");
  if (refused.has_value()) throw DatabaseRefused(refused->sqlstate(), message);
  throw DatabaseAway(message);
}

void PostgresConnection::Connect(const PostgresHost& host, absl::Duration limit) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : host.parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/0);
  if (connection_ == nullptr) throw std::bad_alloc();
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);  // with the SQLSTATE, which is told no other way here
  const absl::Time until = absl::Now() + limit;
  PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
  while (polling != PGRES_POLLING_OK) {
    if (PQstatus(connection_) == CONNECTION_BAD || polling == PGRES_POLLING_FAILED) {
      ThrowNotConnected(PQerrorMessage(connection_));
    }
    if (!Await(polling == PGRES_POLLING_WRITING, until)) {
      throw DatabaseAway(absl::StrCat(host.name, " does not answer within ", absl::FormatDuration(limit)));
    }
    polling = PQconnectPoll(connection_);
  }
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
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
  const absl::Time until = absl::Now() + limits_.ClientWait();
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
    const absl::Time look = std::min(until, absl::Now() + kBetweenLooks);
    if (!Await(unsent == 1, look) && (look == until || (limits_.is_hopeless && limits_.is_hopeless()))) {
      throw DatabaseAway("the database says nothing");
    }
  }
  if (last == nullptr) ThrowLost("the connection to the database failed");
  const ExecStatusType status = PQresultStatus(last.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return last;
  ThrowRefused(last.get());
}

void PostgresConnection::ThrowRefused(const pg_result* result) const {
  // Without the detail, which may name a person.
  const std::string message = Trimmed(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  if (PQstatus(connection_) == CONNECTION_BAD) ThrowLost(message);
  const std::string severity = Trimmed(PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED));
  if (severity == "FATAL" || severity == "PANIC") ThrowLost(message);  // it hangs up
  throw DatabaseRefused(Trimmed(PQresultErrorField(result, PG_DIAG_SQLSTATE)), message);
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

bool PostgresConnection::AwaitNotification(absl::Duration limit) {
  const absl::Time until = absl::Now() + limit;
  while (true) {
    if (PQconsumeInput(connection_) == 0) ThrowLost(Trimmed(PQerrorMessage(connection_)));
    bool notified = false;
    while (PGnotify* notification = PQnotifies(connection_)) {
      PQfreemem(notification);
      notified = true;
    }
    if (notified) return true;
    if (!Await(/*write=*/false, until)) return false;
  }
}

bool PostgresConnection::LooksAlive() {
  // Its last words, and then the end of it. An idle connection has nothing else to say, or little.
  constexpr int kMostReads = 8;
  pollfd socket{PQsocket(connection_), POLLIN, 0};
  for (int i = 0; i < kMostReads && poll(&socket, 1, 0) != 0; ++i) {
    if (PQconsumeInput(connection_) == 0 || PQstatus(connection_) == CONNECTION_BAD) return false;
  }
  return true;
}

}  // namespace likeness
