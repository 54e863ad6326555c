// The rows of the SQLite gallery: reading and writing each table. Private to gallery/.
//
// None of these begins or ends a transaction. All throw SQLite::Exception or std::runtime_error.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_ROWS_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_ROWS_H_

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/sqlite_connection.h"
#include "server/gallery/store.h"

namespace likeness {

void BindText(SQLite::Statement& statement, int index, absl::string_view text);
absl::Time TimeColumn(const SQLite::Statement& statement, int index);

absl::Status PersonNotFound();
bool PersonExists(SqliteConnection& connection, absl::string_view person_id);
void InsertPerson(SqliteConnection& connection, const Enrolment& enrolment);

int CountReferences(SqliteConnection& connection, absl::string_view person_id);
std::vector<ReferenceRecord> ReadReferences(SqliteConnection& connection, absl::string_view person_id);
// STORE_CORRUPT when an embedding is damaged or belongs to somebody else.
absl::StatusOr<std::vector<ReferenceEmbedding>> ReadEmbeddings(SqliteConnection& connection,
                                                               absl::string_view person_id);
void InsertReference(SqliteConnection& connection, const Enrolment& enrolment, const ReferenceEmbedding& reference);

// As Store::FindEnrolment().
absl::StatusOr<std::optional<EnrolmentResult>> ReadEnrolment(SqliteConnection& connection, absl::string_view request_id,
                                                             const ContentDigest& content);
void InsertEnrolment(SqliteConnection& connection, const Enrolment& enrolment);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_ROWS_H_
