// Galleries for tests.
#ifndef LIKENESS_TESTS_SUPPORT_STORES_H_
#define LIKENESS_TESTS_SUPPORT_STORES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sqlite_database.h"

namespace likeness {

// A gallery in a SQLite file.
inline absl::StatusOr<std::unique_ptr<SqlStore>> OpenSqliteStore(
    const std::string& path, std::shared_ptr<const Protection> protection = Protection::Plaintext()) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(path);
  if (!database.ok()) return database.status();
  return SqlStore::Open(*std::move(database), std::move(protection));
}

// Encrypts under the first of these master keys: 1 stands for 32 times the digits 01, and so on. It can read what any
// of them wrapped.
inline std::shared_ptr<const Protection> ProtectionBy(const std::vector<int>& keys) {
  std::string text;
  for (const int key : keys) {
    for (int i = 0; i < 32; ++i) text += std::string("0") + static_cast<char>('0' + key);
    text += '\n';
  }
  return std::make_shared<const Protection>(*MasterKeys::FromText(text, "the test"));
}
inline std::shared_ptr<const Protection> ProtectionBy(int key) { return ProtectionBy(std::vector<int>{key}); }

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_STORES_H_
