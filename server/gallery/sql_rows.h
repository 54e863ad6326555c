// The rows of persons, and of their references with embeddings and crops. Private to gallery/.
//
// None of these begins or ends a transaction. All throw exceptions derived from std::exception.
#ifndef LIKENESS_SERVER_GALLERY_SQL_ROWS_H_
#define LIKENESS_SERVER_GALLERY_SQL_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/sql.h"
#include "server/gallery/store.h"
#include "server/protection/protection.h"

namespace likeness {

class SqlEncryption;

absl::Status PersonNotFound();

struct PersonRow {
  absl::Time create_time;
  std::optional<std::string> key;  // wrapped; none where nothing is encrypted
  std::string enrolled_by = {};
};
std::optional<PersonRow> ReadPerson(SqlSession& session, absl::string_view person_id);
void InsertPerson(SqlSession& session, absl::string_view person_id, const PersonRow& person);

int64_t CountPersonsBy(SqlSession& session, absl::string_view caller);
// Returns how many there were: 0 or 1.
int64_t RemovePerson(SqlSession& session, absl::string_view person_id);
// At most `limit`, whose id comes after `after`, in byte order, with their references.
std::vector<PersonRecord> ReadPersons(SqlSession& session, absl::string_view after, int limit);
// Of persons who have keys, likewise: id and wrapped key.
std::vector<std::pair<std::string, std::string>> ReadPersonKeys(SqlSession& session, absl::string_view after,
                                                                int limit);
void SetPersonKey(SqlSession& session, absl::string_view person_id, absl::string_view key);
// Stores what `before` stored of the person as `after` does. What is damaged stays damaged.
void EncryptContents(SqlSession& session, absl::string_view person_id, const PersonCipher& before,
                     const PersonCipher& after);

int CountReferences(SqlSession& session, absl::string_view person_id);
std::vector<ReferenceRecord> ReadReferences(SqlSession& session, absl::string_view person_id);
// Inserts the reference with its embedding; returns its number.
int64_t InsertReference(SqlSession& session, const PersonCipher& cipher, const Enrolment& enrolment,
                        const ReferenceEmbedding& reference);

// The highest number of the person's references; 0 for none.
int64_t ReadLastNumber(SqlSession& session, absl::string_view person_id);
// Returns its number; nothing where there was none.
std::optional<int64_t> RemoveReference(SqlSession& session, absl::string_view person_id,
                                       absl::string_view reference_id);

// STORE_CORRUPT when an embedding is damaged or belongs to somebody else.
absl::StatusOr<std::vector<ReferenceEmbedding>> ReadEmbeddings(SqlSession& session, const PersonCipher& cipher,
                                                               absl::string_view person_id);
// Passed over when the reference is no longer there, or has an embedding by that model. Returns how many were added: 0
// or 1.
int64_t InsertEmbedding(SqlSession& session, const PersonCipher& cipher, const ReferenceEmbedding& reference,
                        int64_t number);
// The number of the last of the first `limit` references above `after` that have an embedding by the model; nothing
// where none has.
std::optional<int64_t> LastEmbeddedOf(SqlSession& session, const ModelDigest& model, int64_t after, int limit);
// Of references with numbers above `after`, up to `last`. Returns how many there were.
int64_t RemoveEmbeddings(SqlSession& session, const ModelDigest& model, int64_t after, int64_t last);
// STORE_CORRUPT.
absl::StatusOr<std::vector<ReferenceCrop>> ReadCrops(SqlSession& session, const PersonCipher& cipher,
                                                     absl::string_view person_id);
void InsertCrop(SqlSession& session, const PersonCipher& cipher, absl::string_view reference_id, int64_t number,
                const KeptCrop& crop);

// As the methods of Store with such names.
ModelGap ReadGap(SqlSession& session, const ModelDigest& model);
ModelCoverage ReadCoverage(SqlSession& session, const ModelDigest& model, const EmbeddingSources& sources);
std::vector<std::string> ReadPersonsWithoutCrop(SqlSession& session, const ModelDigest& model,
                                                const EmbeddingSources& sources, int limit);
absl::StatusOr<std::vector<UnembeddedReference>> ReadUnembedded(SqlSession& session, SqlEncryption& encryption,
                                                                const ModelDigest& model,
                                                                const EmbeddingSources& sources, int64_t after,
                                                                int limit);
absl::StatusOr<std::vector<NumberedEmbedding>> ReadEmbeddingsBy(SqlSession& session, SqlEncryption& encryption,
                                                                const ModelDigest& model, int64_t after, int limit);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_ROWS_H_
