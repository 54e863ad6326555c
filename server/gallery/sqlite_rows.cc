#include "server/gallery/sqlite_rows.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/errors/errors.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

// SHA-256, cut to 16 bytes. Binds an embedding by a model, or a crop of a kind, to its owner.
std::string StoredChecksum(absl::string_view person_id, absl::string_view reference_id, absl::string_view maker,
                           absl::string_view content) {
  FieldHasher hasher;
  for (absl::string_view field : {person_id, reference_id, maker, content}) hasher.Add(field);
  const Sha256Digest digest = hasher.Finish();
  return std::string(digest.begin(), digest.begin() + 16);
}

template <typename Bytes>
absl::string_view AsText(const Bytes& bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size() * sizeof(*bytes.data()));
}

void BindBlob(SQLite::Statement& statement, int index, absl::string_view bytes) {
  statement.bind(index, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
}

absl::string_view BlobColumn(const SQLite::Statement& statement, int index) {
  const SQLite::Column column = statement.getColumn(index);
  return absl::string_view(static_cast<const char*>(column.getBlob()), static_cast<size_t>(column.getBytes()));
}

ModelDigest DigestColumn(const SQLite::Statement& statement, int index) {
  const absl::string_view bytes = BlobColumn(statement, index);
  ModelDigest digest;
  if (bytes.size() != digest.bytes.size()) throw std::runtime_error("a stored model digest is damaged");
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

// Nothing where the stored embedding is damaged or belongs to somebody else.
std::optional<std::vector<float>> Values(absl::string_view bytes, absl::string_view checksum,
                                         absl::string_view person_id, absl::string_view reference_id,
                                         absl::string_view model) {
  if (checksum != StoredChecksum(person_id, reference_id, model, bytes) || bytes.size() % sizeof(float) != 0) {
    return std::nullopt;
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

void BindText(SQLite::Statement& statement, int index, absl::string_view text) {
  statement.bind(index, std::string(text));
}

absl::Time TimeColumn(const SQLite::Statement& statement, int index) {
  return absl::FromUnixMicros(statement.getColumn(index).getInt64());
}

void BindDigest(SQLite::Statement& statement, int index, const std::optional<ModelDigest>& digest) {
  if (digest.has_value()) {
    BindBlob(statement, index, AsText(digest->bytes));
  } else {
    statement.bind(index);
  }
}

std::optional<ModelDigest> OptionalDigestColumn(const SQLite::Statement& statement, int index) {
  if (statement.getColumn(index).isNull()) return std::nullopt;
  return DigestColumn(statement, index);
}

absl::Status PersonNotFound() { return MakeError(Reason::PERSON_NOT_FOUND, "no person is enrolled under this id"); }

bool PersonExists(SqliteConnection& connection, absl::string_view person_id) {
  SQLite::Statement& select = connection.Prepared("SELECT 1 FROM person WHERE person_id = ?");
  BindText(select, 1, person_id);
  return select.executeStep();
}

int CountReferences(SqliteConnection& connection, absl::string_view person_id) {
  SQLite::Statement& select = connection.Prepared("SELECT count(*) FROM face_reference WHERE person_id = ?");
  BindText(select, 1, person_id);
  select.executeStep();
  return select.getColumn(0).getInt();
}

std::vector<ReferenceRecord> ReadReferences(SqliteConnection& connection, absl::string_view person_id) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT reference_id, create_time, model_digest FROM face_reference WHERE person_id = ? ORDER BY number");
  BindText(select, 1, person_id);
  std::vector<ReferenceRecord> references;
  while (select.executeStep()) {
    references.push_back({select.getColumn(0).getString(), TimeColumn(select, 1), DigestColumn(select, 2)});
  }
  return references;
}

absl::StatusOr<std::vector<ReferenceEmbedding>> ReadEmbeddings(SqliteConnection& connection,
                                                               absl::string_view person_id) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT reference_id, embedding.model_digest, embedding, checksum FROM face_reference JOIN embedding ON "
      "reference = "
      "number WHERE person_id = ? ORDER BY number, embedding.rowid");
  BindText(select, 1, person_id);
  std::vector<ReferenceEmbedding> references;
  while (select.executeStep()) {
    const std::string reference_id = select.getColumn(0).getString();
    std::optional<std::vector<float>> values =
        Values(BlobColumn(select, 2), BlobColumn(select, 3), person_id, reference_id, BlobColumn(select, 1));
    if (!values.has_value()) {
      return MakeError(Reason::STORE_CORRUPT, "a stored reference is damaged; delete it and enrol again");
    }
    references.push_back({reference_id, Embedding{DigestColumn(select, 1), *std::move(values)}});
  }
  return references;
}

std::vector<NumberedEmbedding> ReadEmbeddingsBy(SqliteConnection& connection, const ModelDigest& model, int64_t after,
                                                int limit) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT number, person_id, reference_id, embedding, checksum FROM face_reference JOIN embedding ON reference = "
      "number WHERE number > ? AND embedding.model_digest = ? ORDER BY number LIMIT ?");
  select.bind(1, after);
  BindDigest(select, 2, model);
  select.bind(3, limit);
  std::vector<NumberedEmbedding> embeddings;
  while (select.executeStep()) {
    NumberedEmbedding embedding{
        select.getColumn(0).getInt64(), select.getColumn(1).getString(), select.getColumn(2).getString(), {}};
    embedding.values = Values(BlobColumn(select, 3), BlobColumn(select, 4), embedding.person_id, embedding.reference_id,
                              AsText(model.bytes))
                           .value_or(std::vector<float>());
    embeddings.push_back(std::move(embedding));
  }
  return embeddings;
}

absl::StatusOr<std::optional<EnrolmentResult>> ReadEnrolment(SqliteConnection& connection, absl::string_view request_id,
                                                             const ContentDigest& content) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT person_id, content_digest, create_time, model_digest, reference_ids FROM enrolment WHERE request_id = ?");
  BindText(select, 1, request_id);
  if (!select.executeStep()) return std::nullopt;
  if (BlobColumn(select, 1) != AsText(content)) {
    return MakeError(Reason::REQUEST_ID_REUSED, "the request_id was used before with other content");
  }
  EnrolmentResult result{.references = {}, .reference_count = 0, .replayed = true, .new_person = false};
  const std::string ids = select.getColumn(4).getString();
  for (absl::string_view id : absl::StrSplit(ids, ' ')) {
    result.references.push_back({std::string(id), TimeColumn(select, 2), DigestColumn(select, 3)});
  }
  result.reference_count = CountReferences(connection, select.getColumn(0).getString());
  return result;
}

void InsertPerson(SqliteConnection& connection, const Enrolment& enrolment) {
  SQLite::Statement& insert = connection.Prepared("INSERT INTO person (person_id, create_time) VALUES (?, ?)");
  BindText(insert, 1, enrolment.person_id);
  insert.bind(2, absl::ToUnixMicros(enrolment.create_time));
  insert.exec();
}

int64_t InsertReference(SqliteConnection& connection, const Enrolment& enrolment, const ReferenceEmbedding& reference) {
  SQLite::Statement& insert = connection.Prepared(
      "INSERT INTO face_reference (reference_id, person_id, create_time, model_digest) VALUES (?, ?, ?, ?)");
  BindText(insert, 1, reference.reference_id);
  BindText(insert, 2, enrolment.person_id);
  insert.bind(3, absl::ToUnixMicros(enrolment.create_time));
  BindDigest(insert, 4, reference.embedding.model);
  insert.exec();
  const int64_t number = connection.database().getLastInsertRowid();
  InsertEmbedding(connection, enrolment.person_id, reference, number);
  return number;
}

void InsertEmbedding(SqliteConnection& connection, absl::string_view person_id, const ReferenceEmbedding& reference,
                     int64_t number) {
  const absl::string_view model = AsText(reference.embedding.model.bytes);
  const absl::string_view values = AsText(reference.embedding.values);
  const std::string checksum = StoredChecksum(person_id, reference.reference_id, model, values);
  // "true" keeps SQLite from reading ON as part of a join.
  SQLite::Statement& insert = connection.Prepared(
      "INSERT INTO embedding (reference, model_digest, embedding, checksum) SELECT number, ?, ?, ? FROM face_reference "
      "WHERE number = ? AND true ON CONFLICT DO NOTHING");
  BindBlob(insert, 1, model);
  BindBlob(insert, 2, values);
  BindBlob(insert, 3, checksum);
  insert.bind(4, number);
  insert.exec();
}

void InsertCrop(SqliteConnection& connection, const Enrolment& enrolment, const ReferenceEmbedding& reference,
                int64_t number, const KeptCrop& crop) {
  const std::string checksum = StoredChecksum(enrolment.person_id, reference.reference_id, crop.kind, crop.picture);
  SQLite::Statement& insert =
      connection.Prepared("INSERT INTO crop (reference, kind, picture, checksum) VALUES (?, ?, ?, ?)");
  insert.bind(1, number);
  BindText(insert, 2, crop.kind);
  BindBlob(insert, 3, crop.picture);
  BindBlob(insert, 4, checksum);
  insert.exec();
}

absl::StatusOr<ModelCoverage> ReadCoverage(SqliteConnection& connection, const ModelDigest& model,
                                           absl::string_view crop_kind) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT count(*), count(embedding.reference), "
      "count(*) FILTER (WHERE embedding.reference IS NULL AND crop.reference IS NOT NULL) FROM face_reference "
      "LEFT JOIN embedding ON embedding.reference = number AND embedding.model_digest = ? "
      "LEFT JOIN crop ON crop.reference = number AND crop.kind = ?");
  BindDigest(select, 1, model);
  BindText(select, 2, crop_kind);
  select.executeStep();
  return ModelCoverage{select.getColumn(0).getInt64(), select.getColumn(1).getInt64(), select.getColumn(2).getInt64()};
}

absl::StatusOr<std::vector<std::string>> ReadPersonsWithoutCrop(SqliteConnection& connection, const ModelDigest& model,
                                                                absl::string_view crop_kind, int limit) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT DISTINCT person_id FROM face_reference "
      "LEFT JOIN embedding ON embedding.reference = number AND embedding.model_digest = ? "
      "LEFT JOIN crop ON crop.reference = number AND crop.kind = ? "
      "WHERE embedding.reference IS NULL AND crop.reference IS NULL ORDER BY person_id LIMIT ?");
  BindDigest(select, 1, model);
  BindText(select, 2, crop_kind);
  select.bind(3, limit);
  std::vector<std::string> persons;
  while (select.executeStep()) persons.push_back(select.getColumn(0).getString());
  return persons;
}

absl::StatusOr<std::vector<UnembeddedReference>> ReadUnembedded(SqliteConnection& connection, const ModelDigest& model,
                                                                absl::string_view crop_kind, int64_t after, int limit) {
  SQLite::Statement& select = connection.Prepared(
      "SELECT number, person_id, reference_id, picture, checksum FROM face_reference JOIN crop ON crop.reference = "
      "number "
      "WHERE number > ? AND kind = ? AND NOT EXISTS "
      "(SELECT 1 FROM embedding WHERE embedding.reference = number AND embedding.model_digest = ?) "
      "ORDER BY number LIMIT ?");
  select.bind(1, after);
  BindText(select, 2, crop_kind);
  BindDigest(select, 3, model);
  select.bind(4, limit);
  std::vector<UnembeddedReference> references;
  while (select.executeStep()) {
    UnembeddedReference reference{select.getColumn(0).getInt64(), select.getColumn(1).getString(),
                                  select.getColumn(2).getString(), std::string(BlobColumn(select, 3))};
    if (BlobColumn(select, 4) !=
        StoredChecksum(reference.person_id, reference.reference_id, crop_kind, reference.picture)) {
      return MakeError(Reason::STORE_CORRUPT, absl::StrCat("the kept crop of reference ", reference.reference_id,
                                                           " is damaged; delete it and enrol again"));
    }
    references.push_back(std::move(reference));
  }
  return references;
}

void InsertEnrolment(SqliteConnection& connection, const Enrolment& enrolment) {
  const std::string ids = absl::StrJoin(enrolment.references, " ", [](std::string* out, const ReferenceEmbedding& r) {
    absl::StrAppend(out, r.reference_id);
  });
  SQLite::Statement& insert = connection.Prepared(
      "INSERT INTO enrolment (request_id, person_id, content_digest, create_time, model_digest, reference_ids) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  BindText(insert, 1, enrolment.request_id);
  BindText(insert, 2, enrolment.person_id);
  BindBlob(insert, 3, AsText(enrolment.content));
  insert.bind(4, absl::ToUnixMicros(enrolment.create_time));
  BindBlob(insert, 5, AsText(enrolment.references.front().embedding.model.bytes));
  BindText(insert, 6, ids);
  insert.exec();
}

}  // namespace likeness
