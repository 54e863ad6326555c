// The databases that a gallery can be kept in, as far as SqlStore needs them. Private to gallery/.
//
// The statements are the same for all of them: parameters are $1, $2, …, each first used in that order; numbers are 64
// bits; text compares by its bytes. Only the schemas are each database's own.
#ifndef LIKENESS_SERVER_GALLERY_SQL_H_
#define LIKENESS_SERVER_GALLERY_SQL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace likeness {

// Bytes that are not text.
struct Blob {
  std::string bytes;
};

// std::monostate is NULL.
using SqlValue = std::variant<std::monostate, int64_t, std::string, Blob>;
using SqlRow = std::vector<SqlValue>;

// A transaction. Not thread-safe. Everything throws an exception derived from std::exception.
class SqlSession {
 public:
  virtual ~SqlSession() = default;

  // Runs a statement and returns its rows. It is compiled at its first use; `sql` must stay where it is.
  virtual std::vector<SqlRow> Run(const char* sql, const std::vector<SqlValue>& parameters) = 0;
  std::vector<SqlRow> Run(const char* sql) { return Run(sql, {}); }

  // Runs a statement and returns how many rows it changed.
  virtual int64_t Change(const char* sql, const std::vector<SqlValue>& parameters) = 0;
};

// Thread-safe. Transactions see what those that have ended wrote, and none of two that write at once.
class SqlDatabase {
 public:
  using Work = absl::FunctionRef<absl::Status(SqlSession&)>;

  virtual ~SqlDatabase() = default;

  // Runs `work` in a transaction that only reads, and returns what it does. STORE_FAILED when it throws, or takes
  // longer than a call may.
  virtual absl::Status Read(Work work) = 0;
  // Runs `work` in a transaction that is on disk when OK is returned, and undone when `work` returns an error or
  // throws, which is STORE_FAILED; where the connection was lost its outcome is unknown.
  virtual absl::Status Write(Work work) = 0;
  // As Write(), for work that deletes: as little as can be is left of what was deleted.
  virtual absl::Status Erase(Work work) = 0;

  // False once what it is kept in was taken away, which lasts: every transaction is STORE_FAILED from then on.
  virtual bool intact() const { return true; }

  // As Read(), Write() and Erase(), for maintenance: what looks at much of the gallery, or changes it page by page.
  // Where that matters, it may take much longer than a call, and has connections of its own. Others write between two
  // transactions, but not during one, so each is to be over in a fraction of a second except those that only read.
  virtual absl::Status Survey(Work work) { return Read(work); }
  virtual absl::Status Maintain(Work work) { return Write(work); }
  virtual absl::Status Purge(Work work) { return Erase(work); }

  // Whether other servers may use it at the same time.
  virtual bool shared() const = 0;
  // Waits until another server may have changed something, or `limit` has passed.
  virtual void AwaitChange(absl::Duration limit) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_H_
