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
// NULL stands for no digest.
void BindDigest(SQLite::Statement& statement, int index, const std::optional<ModelDigest>& digest);
std::optional<ModelDigest> OptionalDigestColumn(const SQLite::Statement& statement, int index);

absl::Status PersonNotFound();
bool PersonExists(SqliteConnection& connection, absl::string_view person_id);
void InsertPerson(SqliteConnection& connection, const Enrolment& enrolment);

int CountReferences(SqliteConnection& connection, absl::string_view person_id);
std::vector<ReferenceRecord> ReadReferences(SqliteConnection& connection, absl::string_view person_id);
// STORE_CORRUPT when an embedding is damaged or belongs to somebody else.
absl::StatusOr<std::vector<ReferenceEmbedding>> ReadEmbeddings(SqliteConnection& connection,
                                                               absl::string_view person_id);
// Inserts the reference with its embedding; returns its number.
int64_t InsertReference(SqliteConnection& connection, const Enrolment& enrolment, const ReferenceEmbedding& reference);
// Passed over when the reference is no longer there, or has an embedding by that model.
void InsertEmbedding(SqliteConnection& connection, absl::string_view person_id, const ReferenceEmbedding& reference,
                     int64_t number);
void InsertCrop(SqliteConnection& connection, const Enrolment& enrolment, const ReferenceEmbedding& reference,
                int64_t number, const KeptCrop& crop);

// As the methods of Store with such names.
absl::StatusOr<ModelCoverage> ReadCoverage(SqliteConnection& connection, const ModelDigest& model,
                                           absl::string_view crop_kind);
absl::StatusOr<std::vector<std::string>> ReadPersonsWithoutCrop(SqliteConnection& connection, const ModelDigest& model,
                                                                absl::string_view crop_kind, int limit);
absl::StatusOr<std::vector<UnembeddedReference>> ReadUnembedded(SqliteConnection& connection, const ModelDigest& model,
                                                                absl::string_view crop_kind, int64_t after, int limit);
std::vector<NumberedEmbedding> ReadEmbeddingsBy(SqliteConnection& connection, const ModelDigest& model, int64_t after,
                                                int limit);

// As Store::FindEnrolment().
absl::StatusOr<std::optional<EnrolmentResult>> ReadEnrolment(SqliteConnection& connection, absl::string_view request_id,
                                                             const ContentDigest& content);
void InsertEnrolment(SqliteConnection& connection, const Enrolment& enrolment);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_ROWS_H_
