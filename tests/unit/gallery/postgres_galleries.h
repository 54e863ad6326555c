// Galleries in the one PostgreSQL server that a test program has.
#ifndef LIKENESS_TESTS_UNIT_GALLERY_POSTGRES_GALLERIES_H_
#define LIKENESS_TESTS_UNIT_GALLERY_POSTGRES_GALLERIES_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_database.h"
#include "tests/support/matchers.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {

// One for the program; null where there is no PostgreSQL.
inline PostgresServer* SharedPostgres() {
  static const std::unique_ptr<PostgresServer> server = PostgresServer::Start();
  return server.get();
}

// What a test's stores wait for the database.
inline constexpr absl::Duration kStoreTimeout = absl::Seconds(1);

inline absl::StatusOr<std::unique_ptr<SqlStore>> OpenPostgresStore(
    const std::string& url, std::shared_ptr<const Protection> protection = ProtectionBy(1),
    absl::Duration timeout = kStoreTimeout) {
  PostgresOptions options;
  options.url = url;
  options.timeout = timeout;
  absl::StatusOr<std::unique_ptr<PostgresDatabase>> database = PostgresDatabase::Open(options);
  if (!database.ok()) return database.status();
  return SqlStore::Open(*std::move(database), std::move(protection));
}

// A test with an empty gallery.
class PostgresTest : public testing::Test {
 protected:
  static constexpr EnrolmentLimits kMany = {.references = 1000};

  void SetUp() override {
    if (SharedPostgres() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    url_ = SharedPostgres()->NewGallery();
  }

  // Runs statements beside the gallery's own.
  void Execute(const std::string& sql) { PostgresConnection(url_, absl::Seconds(30)).Execute(sql); }
  int64_t Count(const char* sql) {
    return std::get<int64_t>(PostgresConnection(url_, absl::Seconds(30)).Run(sql)[0][0]);
  }

  std::string url_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_GALLERY_POSTGRES_GALLERIES_H_
