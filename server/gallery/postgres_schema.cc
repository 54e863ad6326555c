#include "server/gallery/postgres_schema.h"

#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

// Of the advisory lock that migrations take turns by: "likeness" in ASCII.
constexpr int64_t kLock = 0x6c696b656e657373;

// kMigrations[v] leads from version v to v + 1. Entries are never changed, only added. The columns mean what they mean
// in SQLite (sqlite_connection.cc). Ids compare by their bytes. `change` is the log of revisions, for the other
// servers.
constexpr const char* kMigrations[] = {
    R"sql(
      CREATE TABLE person (
        person_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        create_time BIGINT NOT NULL,
        data_key BYTEA
      );
      CREATE TABLE face_reference (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reference_id TEXT COLLATE "C" NOT NULL UNIQUE,
        person_id TEXT COLLATE "C" NOT NULL REFERENCES person(person_id) ON DELETE CASCADE,
        create_time BIGINT NOT NULL,
        model_digest BYTEA NOT NULL
      );
      CREATE INDEX face_reference_of_person ON face_reference(person_id, number);
      CREATE TABLE embedding (
        reference BIGINT NOT NULL REFERENCES face_reference(number) ON DELETE CASCADE,
        model_digest BYTEA NOT NULL,
        embedding BYTEA NOT NULL,
        checksum BYTEA NOT NULL,
        PRIMARY KEY (reference, model_digest)
      );
      CREATE TABLE crop (
        reference BIGINT PRIMARY KEY REFERENCES face_reference(number) ON DELETE CASCADE,
        kind TEXT COLLATE "C" NOT NULL,
        picture BYTEA NOT NULL,
        checksum BYTEA NOT NULL
      );
      CREATE TABLE enrolment (
        request_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        person_id TEXT COLLATE "C" NOT NULL REFERENCES person(person_id) ON DELETE CASCADE,
        content_digest BYTEA NOT NULL,
        create_time BIGINT NOT NULL,
        model_digest BYTEA NOT NULL,
        reference_ids TEXT NOT NULL
      );
      CREATE INDEX enrolment_of_person ON enrolment(person_id);
      CREATE TABLE gallery (
        only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
        persons BIGINT NOT NULL,
        face_references BIGINT NOT NULL,
        revision BIGINT NOT NULL,
        encrypted BIGINT NOT NULL
      );
      INSERT INTO gallery VALUES (1, 0, 0, 0, 0);
      CREATE TABLE model_choice (
        only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
        active BYTEA,
        target BYTEA,
        leave_behind BIGINT NOT NULL
      );
      INSERT INTO model_choice VALUES (1, NULL, NULL, 0);
      CREATE TABLE change (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        revision BIGINT NOT NULL,
        kind BIGINT NOT NULL,
        person BYTEA NOT NULL,
        subject TEXT NOT NULL,
        time BIGINT NOT NULL
      );
      CREATE INDEX change_by_revision ON change(revision, number);
    )sql",
    R"sql(
      ALTER TABLE person ADD COLUMN enrolled_by TEXT COLLATE "C" NOT NULL DEFAULT '';
      CREATE INDEX person_by_caller ON person(enrolled_by);
    )sql",
    R"sql(
      CREATE TABLE allowed_model (digest BYTEA NOT NULL PRIMARY KEY);
      INSERT INTO allowed_model SELECT active FROM model_choice WHERE active IS NOT NULL;
    )sql",
    // Whoever writes, the times in the log are of one clock.
    R"sql(
      ALTER TABLE change ALTER COLUMN time SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    )sql",
    // change.follows: the tag of the revision before.
    R"sql(
      ALTER TABLE gallery ADD COLUMN gallery_id TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN history TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN tag TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN previous_tag TEXT NOT NULL DEFAULT '';
      UPDATE gallery SET gallery_id = replace(gen_random_uuid()::text, '-', ''),
        history = replace(gen_random_uuid()::text, '-', ''), tag = replace(gen_random_uuid()::text, '-', '');
      ALTER TABLE change ADD COLUMN follows TEXT NOT NULL DEFAULT '';
    )sql",
    // GalleryChange::number; what servers of earlier versions still write has kUnknownNumber.
    R"sql(
      ALTER TABLE change ADD COLUMN reference BIGINT NOT NULL DEFAULT -1;
    )sql",
    R"sql(
      ALTER TABLE gallery ADD COLUMN key_mark BYTEA;
      CREATE INDEX person_in_plaintext ON person(person_id) WHERE data_key IS NULL;
    )sql",
    R"sql(
      ALTER TABLE model_choice ADD COLUMN stage BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE model_choice ADD COLUMN operation TEXT NOT NULL DEFAULT '';
      ALTER TABLE model_choice ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
      UPDATE model_choice SET target = NULL, leave_behind = 0;
      CREATE TABLE server (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        base BYTEA,
        answers BYTEA,
        prepared BYTEA,
        lacks BYTEA,
        seen BIGINT NOT NULL
      );
      CREATE TABLE operation (
        name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        kind BIGINT NOT NULL,
        subject BYTEA,
        state BIGINT NOT NULL,
        done BIGINT NOT NULL,
        total BIGINT NOT NULL,
        changed BIGINT NOT NULL,
        cancel BIGINT NOT NULL,
        server TEXT NOT NULL,
        create_time BIGINT NOT NULL,
        update_time BIGINT NOT NULL,
        reason BIGINT NOT NULL,
        message TEXT NOT NULL,
        revision BIGINT NOT NULL,
        owner TEXT NOT NULL,
        lease_until BIGINT NOT NULL
      );
      CREATE VIEW database_clock AS SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now;
    )sql",
    // The mismatches of a subject are forgotten at `until`.
    R"sql(
      CREATE TABLE mismatch (
        subject BYTEA NOT NULL PRIMARY KEY,
        until BIGINT NOT NULL,
        changed BIGINT NOT NULL
      );
      CREATE INDEX mismatch_until ON mismatch(until);
      CREATE INDEX mismatch_changed ON mismatch(changed);
    )sql",
};
constexpr int64_t kSchemaVersion = std::size(kMigrations);

// Of the tables in the first schema of the search path; 0 where there are none. Throws when they are newer.
int64_t ReadVersion(PostgresConnection& connection) {
  // Without a privilege to make tables, and without a lock.
  const std::vector<SqlRow> tables = connection.Run(
      "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relname = "
      "'likeness_schema' AND nspname = current_schema()");
  if (std::get<int64_t>(tables[0][0]) == 0) return 0;
  const std::vector<SqlRow> rows = connection.Run("SELECT version FROM likeness_schema");
  const int64_t version = rows.empty() ? 0 : std::get<int64_t>(rows[0][0]);
  if (version <= kSchemaVersion) return version;
  throw std::runtime_error(absl::StrCat("the gallery has schema version ", version,
                                        ", made by a newer likeness; this one knows up to ", kSchemaVersion));
}

void Migrate(PostgresConnection& connection) {
  connection.Execute("BEGIN");
  connection.Run("SELECT pg_advisory_xact_lock($1)", {kLock});
  connection.Execute("CREATE TABLE IF NOT EXISTS likeness_schema (version BIGINT NOT NULL)");
  // Another server may have made or changed them meanwhile.
  for (int64_t step = ReadVersion(connection); step < kSchemaVersion; ++step) connection.Execute(kMigrations[step]);
  connection.Execute("DELETE FROM likeness_schema");
  connection.Execute(absl::StrCat("INSERT INTO likeness_schema VALUES (", kSchemaVersion, ")"));
  connection.Execute("COMMIT");
}

}  // namespace

void MigratePostgres(PostgresConnection& connection) {
  const int64_t version = ReadVersion(connection);
  if (version == kSchemaVersion) return;
  try {
    Migrate(connection);
  } catch (const DatabaseRefused& error) {
    if (!error.forbidden()) throw;
    throw std::runtime_error(absl::StrCat("the gallery's tables have version ", version,
                                          " (0: there are none) and must "
                                          "get version ",
                                          kSchemaVersion, ", which this role may not do (", error.what(),
                                          "): start the server once as the role that owns them"));
  }
}

}  // namespace likeness
