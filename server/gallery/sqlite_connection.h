// One connection to the SQLite gallery: opening, settings, schema. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_CONNECTION_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_CONNECTION_H_

#include <SQLiteCpp/SQLiteCpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/gallery/sql.h"

namespace likeness {

// Not thread-safe: one thread at a time. Everything throws SQLite::Exception.
class SqliteConnection : public SqlSession {
 public:
  // Throws std::runtime_error, and leaves the file as it is, when it is another program's or of a newer likeness.
  // Never makes a file.
  explicit SqliteConnection(const std::string& path);

  SQLite::Database& database() { return database_; }

  // From now on nothing is written or removed when the last connection is closed, as it is otherwise.
  void LeaveFiles();

  // Takes what is in the log over into the file and empties the log. Where a reader needs the log still, waits for it
  // no longer than `wait_ms`, takes over what it can, and returns false.
  bool EmptyLog(int wait_ms);

  using SqlSession::Run;
  std::vector<SqlRow> Run(const char* sql, const std::vector<SqlValue>& parameters) override;
  int64_t Change(const char* sql, const std::vector<SqlValue>& parameters) override;

 private:
  // The statement for `sql`, compiled at its first use, with these parameters.
  SQLite::Statement& Prepared(const char* sql, const std::vector<SqlValue>& parameters);

  SQLite::Database database_;
  std::map<std::string, std::unique_ptr<SQLite::Statement>> statements_;
};

// Throws std::runtime_error when the file is another program's or of a newer likeness. Changes nothing.
void CheckIsOurs(SQLite::Database& database);

// Makes an empty file that its owner alone may read, where there is none. SQLite's -wal and -shm files get the same
// permissions as the file that they are beside.
void MakeGalleryFile(const std::string& path);

// Creates the schema in an empty file, or brings an older one up to date, in one transaction.
void Migrate(SQLite::Database& database);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_CONNECTION_H_
