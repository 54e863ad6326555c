#include "server/gallery/sqlite_connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>
#include <variant>

namespace likeness {
namespace {

constexpr int kApplicationId = 0x6c696b65;  // "like", in the file's header
constexpr int kBusyTimeoutMs = 5000;

// Schema versions: kMigrations[v] leads from version v to v + 1. Entries are never changed, only added.
//
// Embeddings are little-endian 32-bit floats. In a gallery that is not encrypted, embedding.checksum is the first 16
// bytes of SHA-256 over person_id, reference_id, model_digest and embedding, crop.checksum the same over person_id,
// reference_id, kind and picture: what was damaged, or moved to another person, is never compared. In one that is
// encrypted, embedding and picture are ciphertexts, checksum is their nonce and tag, and person.data_key is the
// person's key, wrapped (server/protection/).
constexpr const char* kMigrations[] = {
    R"sql(
      CREATE TABLE person (
        person_id TEXT NOT NULL PRIMARY KEY,
        create_time INTEGER NOT NULL            -- microseconds since the Unix epoch
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE face_reference (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        reference_id TEXT NOT NULL UNIQUE,
        person_id TEXT NOT NULL REFERENCES person(person_id) ON DELETE CASCADE,
        create_time INTEGER NOT NULL,
        model_digest BLOB NOT NULL,
        embedding BLOB NOT NULL,
        checksum BLOB NOT NULL
      ) STRICT;
      CREATE INDEX face_reference_of_person ON face_reference(person_id, number);
      CREATE TABLE enrolment (
        request_id TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES person(person_id) ON DELETE CASCADE,
        content_digest BLOB NOT NULL,
        create_time INTEGER NOT NULL,
        model_digest BLOB NOT NULL,
        reference_ids TEXT NOT NULL             -- separated by spaces, in the order of the photos
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX enrolment_of_person ON enrolment(person_id);
    )sql",
    // Counting a million rows takes seconds; whoever adds or removes a row keeps count.
    R"sql(
      CREATE TABLE gallery_size (
        persons INTEGER NOT NULL,
        face_references INTEGER NOT NULL
      ) STRICT;
      INSERT INTO gallery_size SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM face_reference);
      CREATE TRIGGER person_added AFTER INSERT ON person BEGIN
        UPDATE gallery_size SET persons = persons + 1;
      END;
      CREATE TRIGGER person_removed AFTER DELETE ON person BEGIN
        UPDATE gallery_size SET persons = persons - 1;
      END;
      CREATE TRIGGER face_reference_added AFTER INSERT ON face_reference BEGIN
        UPDATE gallery_size SET face_references = face_references + 1;
      END;
      CREATE TRIGGER face_reference_removed AFTER DELETE ON face_reference BEGIN
        UPDATE gallery_size SET face_references = face_references - 1;
      END;
    )sql",
    // A reference has an embedding by each model that answers, answered or is about to; face_reference.model_digest is
    // the one it was enrolled by.
    R"sql(
      CREATE TABLE embedding (
        reference INTEGER NOT NULL REFERENCES face_reference(number) ON DELETE CASCADE,
        model_digest BLOB NOT NULL,
        embedding BLOB NOT NULL,
        checksum BLOB NOT NULL,
        UNIQUE (reference, model_digest)
      ) STRICT;
      INSERT INTO embedding SELECT number, model_digest, embedding, checksum FROM face_reference ORDER BY number;
      ALTER TABLE face_reference DROP COLUMN embedding;
      ALTER TABLE face_reference DROP COLUMN checksum;
      CREATE TABLE crop (
        reference INTEGER PRIMARY KEY REFERENCES face_reference(number) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        picture BLOB NOT NULL,
        checksum BLOB NOT NULL
      ) STRICT;
      CREATE TABLE model_choice (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        active BLOB,
        target BLOB,
        leave_behind INTEGER NOT NULL
      ) STRICT;
      INSERT INTO model_choice VALUES (1, NULL, NULL, 0);
    )sql",
    // Whoever changes the gallery counts its rows and its revisions.
    R"sql(
      ALTER TABLE person ADD COLUMN data_key BLOB;
      DROP TRIGGER person_added;
      DROP TRIGGER person_removed;
      DROP TRIGGER face_reference_added;
      DROP TRIGGER face_reference_removed;
      CREATE TABLE gallery (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        persons INTEGER NOT NULL,
        face_references INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        encrypted INTEGER NOT NULL
      ) STRICT;
      INSERT INTO gallery SELECT 1, persons, face_references, 0, 0 FROM gallery_size;
      DROP TABLE gallery_size;
    )sql",
    // Who enrolled a person, for quotas.
    R"sql(
      ALTER TABLE person ADD COLUMN enrolled_by TEXT NOT NULL DEFAULT '';
      CREATE INDEX person_by_caller ON person(enrolled_by);
    )sql",
    // Models are code; which of those in the models folder may be run. The one that was chosen before this may stay.
    R"sql(
      CREATE TABLE allowed_model (digest BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
      INSERT INTO allowed_model SELECT active FROM model_choice WHERE active IS NOT NULL;
    )sql",
    // A gallery has an id for its life, and a history for as long as nobody puts another state of it in its place. Each
    // revision has a tag, and remembers that of the one before it. What log_link is for: write_ahead_log.h.
    R"sql(
      ALTER TABLE gallery ADD COLUMN gallery_id TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN history TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN tag TEXT NOT NULL DEFAULT '';
      ALTER TABLE gallery ADD COLUMN previous_tag TEXT NOT NULL DEFAULT '';
      UPDATE gallery SET gallery_id = lower(hex(randomblob(16))), history = lower(hex(randomblob(16))),
        tag = lower(hex(randomblob(16)));
      CREATE TABLE log_link (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        marker TEXT NOT NULL,                   -- the row's texts lie on its page one after the other
        previous TEXT NOT NULL,
        stamp TEXT NOT NULL
      ) STRICT;
      INSERT INTO log_link VALUES (1, 'likeness-link-01', lower(hex(zeroblob(24))), lower(hex(randomblob(24))));
    )sql",
    // gallery.encrypted: 0 plain, 1 being encrypted, 2 encrypted. Before this version 1 was written first, so that it
    // may be a gallery where somebody was left in plaintext. key_mark: by which master key the persons' keys are
    // wrapped.
    R"sql(
      ALTER TABLE gallery ADD COLUMN key_mark BLOB;
      CREATE INDEX person_in_plaintext ON person(person_id) WHERE data_key IS NULL;
    )sql",
    // What servers agree on (coordination.h): the stage of the choice, the servers, long operations. Times are by the
    // database's clock, in microseconds since the Unix epoch. An activation that an earlier version had begun is begun
    // again by whoever asked for it.
    R"sql(
      ALTER TABLE model_choice ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE model_choice ADD COLUMN operation TEXT NOT NULL DEFAULT '';
      ALTER TABLE model_choice ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
      UPDATE model_choice SET target = NULL, leave_behind = 0;
      CREATE TABLE server (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        base BLOB,
        answers BLOB,
        prepared BLOB,
        lacks BLOB,
        seen INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE operation (
        name TEXT NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL,
        subject BLOB,
        state INTEGER NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        cancel INTEGER NOT NULL,
        server TEXT NOT NULL,
        create_time INTEGER NOT NULL,
        update_time INTEGER NOT NULL,
        reason INTEGER NOT NULL,
        message TEXT NOT NULL,
        revision INTEGER NOT NULL,
        owner TEXT NOT NULL,
        lease_until INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE VIEW database_clock AS SELECT CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER) AS now;
    )sql",
    // Mismatches are told apart by a hash of whose they are, and forgotten at `until`.
    R"sql(
      CREATE TABLE mismatch (
        subject BLOB NOT NULL PRIMARY KEY,
        until INTEGER NOT NULL,
        changed INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX mismatch_until ON mismatch(until);
    )sql",
};
constexpr int kSchemaVersion = static_cast<int>(std::size(kMigrations));

struct Binder {
  SQLite::Statement& statement;
  const int index;

  void operator()(std::monostate) const { statement.bind(index); }
  void operator()(int64_t number) const { statement.bind(index, number); }
  void operator()(const std::string& text) const { statement.bind(index, text); }
  void operator()(const Blob& blob) const {
    statement.bind(index, static_cast<const void*>(blob.bytes.data()), static_cast<int>(blob.bytes.size()));
  }
};

SqlValue ValueOf(const SQLite::Column& column) {
  if (column.isNull()) return std::monostate();
  if (column.isInteger()) return column.getInt64();
  if (column.isText()) return column.getString();
  return Blob{std::string(static_cast<const char*>(column.getBlob()), static_cast<size_t>(column.getBytes()))};
}

int ReadPragma(SQLite::Database& database, const char* pragma) { return database.execAndGet(pragma).getInt(); }

}  // namespace

void CheckIsOurs(SQLite::Database& database) {
  const int version = ReadPragma(database, "PRAGMA user_version");
  const bool empty = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (!empty && ReadPragma(database, "PRAGMA application_id") != kApplicationId) {
    throw std::runtime_error("the file is no likeness gallery");
  }
  if (version > kSchemaVersion) {
    throw std::runtime_error("the gallery has schema version " + std::to_string(version) +
                             ", made by a newer likeness; this one knows up to " + std::to_string(kSchemaVersion));
  }
}

SqliteConnection::SqliteConnection(const std::string& path)
    : database_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs) {
  CheckIsOurs(database_);  // first, because the journal mode is kept in the file
  // WAL: readers never wait for a writer. FULL: a commit is on disk before it is answered. secure_delete: what is
  // deleted is overwritten.
  database_.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;");
}

SQLite::Statement& SqliteConnection::Prepared(const char* sql, const std::vector<SqlValue>& parameters) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    // Kept only once it has been compiled, which throws where the file is damaged.
    auto compiled = std::make_unique<SQLite::Statement>(database_, sql);
    found = statements_.emplace(sql, std::move(compiled)).first;
  }
  SQLite::Statement& statement = *found->second;
  statement.reset();
  for (size_t i = 0; i < parameters.size(); ++i) {
    // SQLite numbers named parameters in the order of their first use, which is that of their names.
    std::visit(Binder{statement, static_cast<int>(i) + 1}, parameters[i]);
  }
  return statement;
}

std::vector<SqlRow> SqliteConnection::Run(const char* sql, const std::vector<SqlValue>& parameters) {
  SQLite::Statement& statement = Prepared(sql, parameters);
  std::vector<SqlRow> rows;
  try {
    while (statement.executeStep()) {
      SqlRow& row = rows.emplace_back();
      for (int i = 0; i < statement.getColumnCount(); ++i) row.push_back(ValueOf(statement.getColumn(i)));
    }
  } catch (...) {
    statement.tryReset();
    throw;
  }
  statement.reset();  // so that it holds no lock
  return rows;
}

int64_t SqliteConnection::Change(const char* sql, const std::vector<SqlValue>& parameters) {
  Run(sql, parameters);
  return database_.getChanges();
}

void SqliteConnection::LeaveFiles() {
  sqlite3_db_config(database_.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

bool SqliteConnection::EmptyLog(int wait_ms) {
  database_.setBusyTimeout(wait_ms);
  bool emptied = false;
  try {
    // Its row says whether somebody was in the way.
    emptied = database_.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)").getInt() == 0;
  } catch (const SQLite::Exception&) {
    // As when the disk is full: there is a next time.
  }
  database_.setBusyTimeout(kBusyTimeoutMs);
  return emptied;
}

void MakeGalleryFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0) close(descriptor);
}

void Migrate(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  const int version = ReadPragma(database, "PRAGMA user_version");
  for (int step = version; step < kSchemaVersion; ++step) database.exec(kMigrations[step]);
  database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  transaction.commit();
}

}  // namespace likeness
