#include "server/gallery/sql_rows.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/sql_encryption.h"
#include "server/gallery/sql_values.h"

namespace likeness {
namespace {

// Nothing where the stored embedding is damaged or belongs to somebody else.
std::optional<std::vector<float>> ValuesIn(const PersonCipher& cipher, absl::string_view reference_id,
                                           absl::string_view model, const SqlValue& bytes, const SqlValue& proof) {
  const std::optional<std::string> restored = cipher.Restore(reference_id, model, {BytesIn(bytes), BytesIn(proof)});
  if (!restored.has_value() || restored->size() % sizeof(float) != 0) return std::nullopt;
  std::vector<float> values(restored->size() / sizeof(float));
  std::memcpy(values.data(), restored->data(), restored->size());
  return values;
}

absl::Status DamagedCrop(absl::string_view reference_id) {
  return MakeError(Reason::STORE_CORRUPT,
                   absl::StrCat("the kept crop of reference ", reference_id, " is damaged; delete it and enrol again"));
}

// Sets the reference's picture. STORE_CORRUPT where it is damaged.
absl::Status ReadPicture(const PersonCipher& cipher, absl::string_view crop_kind, const SqlValue& bytes,
                         const SqlValue& proof, UnembeddedReference& reference) {
  std::optional<std::string> picture =
      cipher.Restore(reference.reference_id, crop_kind, {BytesIn(bytes), BytesIn(proof)});
  if (!picture.has_value()) return DamagedCrop(reference.reference_id);
  reference.picture = *std::move(picture);
  return absl::OkStatus();
}

// Sets the reference's embedding by sources.mapped_from; where that is damaged its picture, if it has a whole one. A
// reference that has neither cannot be answered for by any model, and is to keep nobody else from a new one.
void ReadSource(SqlSession& session, const PersonCipher& cipher, const EmbeddingSources& sources, const SqlValue& bytes,
                const SqlValue& proof, UnembeddedReference& reference) {
  std::optional<std::vector<float>> values =
      ValuesIn(cipher, reference.reference_id, AsText(sources.mapped_from->bytes), bytes, proof);
  if (values.has_value()) {
    reference.values = *std::move(values);
    return;
  }
  const std::vector<SqlRow> crops = session.Run("SELECT picture, checksum FROM crop WHERE reference = $1 AND kind = $2",
                                                {reference.number, Text(sources.crop_kind)});
  if (!crops.empty()) ReadPicture(cipher, sources.crop_kind, crops[0][0], crops[0][1], reference).IgnoreError();
}

// The first `limit` rows of references with numbers above `after`, by a statement that is bounded to numbers above $1
// up to $2, whose last parameter is how many rows at most, and whose first column is the number. It looks at so many
// references at a time: whatever way a database finds for the joins, it takes as long for the last of them as for the
// first. `sql` must stay where it is.
std::vector<SqlRow> RunInWindows(SqlSession& session, const char* sql, int64_t after, int limit,
                                 const std::vector<SqlValue>& others) {
  constexpr int64_t kWindow = 1000;
  std::vector<SqlRow> rows;
  while (std::ssize(rows) < limit) {
    const std::optional<int64_t> last = OptionalIntegerIn(
        session
            .Run("SELECT max(number) FROM (SELECT number FROM face_reference WHERE number > $1 ORDER BY number LIMIT "
                 "$2) page",
                 {after, std::max<int64_t>(limit, kWindow)})
            .at(0)[0]);
    if (!last.has_value()) break;
    std::vector<SqlValue> parameters = {after, *last};
    parameters.insert(parameters.end(), others.begin(), others.end());
    parameters.emplace_back(limit - std::ssize(rows));
    for (SqlRow& row : session.Run(sql, parameters)) rows.push_back(std::move(row));
    after = *last;
  }
  return rows;
}

}  // namespace

absl::Status PersonNotFound() { return MakeError(Reason::PERSON_NOT_FOUND, "no person is enrolled under this id"); }

absl::Status QuotaExceeded(int64_t persons) {
  return MakeError(Reason::QUOTA_EXCEEDED,
                   absl::StrCat("the caller may have enrolled ", persons, " people, and they are there"));
}

std::optional<PersonRow> ReadPerson(SqlSession& session, absl::string_view person_id) {
  const std::vector<SqlRow> rows =
      session.Run("SELECT create_time, data_key, enrolled_by FROM person WHERE person_id = $1", {Text(person_id)});
  if (rows.empty()) return std::nullopt;
  return PersonRow{TimeIn(rows[0][0]), OptionalBytesIn(rows[0][1]), TextIn(rows[0][2])};
}

void InsertPerson(SqlSession& session, absl::string_view person_id, const PersonRow& person) {
  session.Change("INSERT INTO person (person_id, create_time, data_key, enrolled_by) VALUES ($1, $2, $3, $4)",
                 {Text(person_id), Micros(person.create_time), OptionalBytes(person.key), Text(person.enrolled_by)});
}

int64_t CountPersonsBy(SqlSession& session, absl::string_view caller) {
  const std::vector<SqlRow> rows = session.Run("SELECT count(*) FROM person WHERE enrolled_by = $1", {Text(caller)});
  return IntegerIn(rows[0][0]);
}

int64_t RemovePerson(SqlSession& session, absl::string_view person_id) {
  return session.Change("DELETE FROM person WHERE person_id = $1", {Text(person_id)});
}

std::vector<PersonRecord> ReadPersons(SqlSession& session, absl::string_view after, int limit) {
  std::vector<PersonRecord> persons;
  for (const SqlRow& row :
       session.Run("SELECT person_id, create_time FROM person WHERE person_id > $1 ORDER BY person_id LIMIT $2",
                   {Text(after), int64_t{limit}})) {
    persons.push_back({TextIn(row[0]), TimeIn(row[1]), {}});
  }
  for (PersonRecord& person : persons) person.references = ReadReferences(session, person.person_id);
  return persons;
}

std::vector<std::pair<std::string, std::string>> ReadPersonKeys(SqlSession& session, absl::string_view after,
                                                                int limit) {
  std::vector<std::pair<std::string, std::string>> keys;
  for (const SqlRow& row : session.Run(
           "SELECT person_id, data_key FROM person WHERE person_id > $1 AND data_key IS NOT NULL ORDER BY person_id "
           "LIMIT $2",
           {Text(after), int64_t{limit}})) {
    keys.emplace_back(TextIn(row[0]), BytesIn(row[1]));
  }
  return keys;
}

void SetPersonKey(SqlSession& session, absl::string_view person_id, absl::string_view key) {
  session.Change("UPDATE person SET data_key = $1 WHERE person_id = $2", {Bytes(key), Text(person_id)});
}

void EncryptContents(SqlSession& session, absl::string_view person_id, const PersonCipher& before,
                     const PersonCipher& after) {
  for (const SqlRow& row :
       session.Run("SELECT number, reference_id, embedding.model_digest, embedding, checksum FROM face_reference JOIN "
                   "embedding ON reference = number WHERE person_id = $1",
                   {Text(person_id)})) {
    const auto content = before.Restore(TextIn(row[1]), BytesIn(row[2]), {BytesIn(row[3]), BytesIn(row[4])});
    StoredContent stored = after.Store(TextIn(row[1]), BytesIn(row[2]), content.value_or(""));
    if (!content.has_value()) stored.proof.clear();
    session.Change("UPDATE embedding SET embedding = $1, checksum = $2 WHERE reference = $3 AND model_digest = $4",
                   {Blob{std::move(stored.bytes)}, Blob{std::move(stored.proof)}, row[0], row[2]});
  }
  for (const SqlRow& row : session.Run("SELECT number, reference_id, kind, picture, checksum FROM face_reference JOIN "
                                       "crop ON reference = number WHERE person_id = $1",
                                       {Text(person_id)})) {
    const auto content = before.Restore(TextIn(row[1]), TextIn(row[2]), {BytesIn(row[3]), BytesIn(row[4])});
    StoredContent stored = after.Store(TextIn(row[1]), TextIn(row[2]), content.value_or(""));
    if (!content.has_value()) stored.proof.clear();
    session.Change("UPDATE crop SET picture = $1, checksum = $2 WHERE reference = $3",
                   {Blob{std::move(stored.bytes)}, Blob{std::move(stored.proof)}, row[0]});
  }
}

int CountReferences(SqlSession& session, absl::string_view person_id) {
  const std::vector<SqlRow> rows =
      session.Run("SELECT count(*) FROM face_reference WHERE person_id = $1", {Text(person_id)});
  return static_cast<int>(IntegerIn(rows[0][0]));
}

std::vector<ReferenceRecord> ReadReferences(SqlSession& session, absl::string_view person_id) {
  std::vector<ReferenceRecord> references;
  for (const SqlRow& row : session.Run(
           "SELECT reference_id, create_time, model_digest FROM face_reference WHERE person_id = $1 ORDER BY number",
           {Text(person_id)})) {
    references.push_back({TextIn(row[0]), TimeIn(row[1]), DigestIn(row[2])});
  }
  return references;
}

int64_t InsertReference(SqlSession& session, const PersonCipher& cipher, const Enrolment& enrolment,
                        const ReferenceEmbedding& reference) {
  const std::vector<SqlRow> rows = session.Run(
      "INSERT INTO face_reference (reference_id, person_id, create_time, model_digest) VALUES ($1, $2, $3, $4) "
      "RETURNING number",
      {Text(reference.reference_id), Text(enrolment.person_id), Micros(enrolment.create_time),
       Digest(reference.embedding.model)});
  const int64_t number = IntegerIn(rows[0][0]);
  InsertEmbedding(session, cipher, reference, number);
  return number;
}

int64_t ReadLastNumber(SqlSession& session, absl::string_view person_id) {
  return IntegerIn(
      session.Run("SELECT coalesce(max(number), 0) FROM face_reference WHERE person_id = $1", {Text(person_id)})[0][0]);
}

std::optional<int64_t> RemoveReference(SqlSession& session, absl::string_view person_id,
                                       absl::string_view reference_id) {
  const std::vector<SqlRow> rows =
      session.Run("DELETE FROM face_reference WHERE person_id = $1 AND reference_id = $2 RETURNING number",
                  {Text(person_id), Text(reference_id)});
  return rows.empty() ? std::nullopt : std::optional(IntegerIn(rows[0][0]));
}

absl::StatusOr<std::vector<ReferenceEmbedding>> ReadEmbeddings(SqlSession& session, const PersonCipher& cipher,
                                                               absl::string_view person_id) {
  std::vector<ReferenceEmbedding> references;
  for (const SqlRow& row : session.Run(
           "SELECT reference_id, embedding.model_digest, embedding, checksum FROM face_reference JOIN embedding ON "
           "reference = number WHERE person_id = $1 ORDER BY number, embedding.model_digest <> "
           "face_reference.model_digest, "
           "embedding.model_digest",
           {Text(person_id)})) {
    const std::string& reference_id = TextIn(row[0]);
    std::optional<std::vector<float>> values = ValuesIn(cipher, reference_id, BytesIn(row[1]), row[2], row[3]);
    if (!values.has_value()) {
      return MakeError(Reason::STORE_CORRUPT, "a stored reference is damaged; delete it and enrol again");
    }
    references.push_back({reference_id, Embedding{DigestIn(row[1]), *std::move(values)}});
  }
  return references;
}

int64_t InsertEmbedding(SqlSession& session, const PersonCipher& cipher, const ReferenceEmbedding& reference,
                        int64_t number) {
  const absl::string_view model = AsText(reference.embedding.model.bytes);
  StoredContent stored = cipher.Store(reference.reference_id, model, AsText(reference.embedding.values));
  // "true" keeps SQLite from reading ON as part of a join.
  return session.Change(
      "INSERT INTO embedding (reference, model_digest, embedding, checksum) SELECT number, $1, $2, $3 FROM "
      "face_reference WHERE number = $4 AND true ON CONFLICT DO NOTHING",
      {Bytes(model), Blob{std::move(stored.bytes)}, Blob{std::move(stored.proof)}, number});
}

std::optional<int64_t> LastEmbeddedOf(SqlSession& session, const ModelDigest& model, int64_t after, int limit) {
  const std::vector<SqlRow> rows = session.Run(
      "SELECT max(reference) FROM (SELECT reference FROM embedding WHERE reference > $1 AND model_digest = $2 "
      "ORDER BY reference LIMIT $3) page",
      {after, Digest(model), int64_t{limit}});
  return OptionalIntegerIn(rows.at(0)[0]);
}

int64_t RemoveEmbeddings(SqlSession& session, const ModelDigest& model, int64_t after, int64_t last) {
  return session.Change("DELETE FROM embedding WHERE reference > $1 AND reference <= $2 AND model_digest = $3",
                        {after, last, Digest(model)});
}

absl::StatusOr<std::vector<ReferenceCrop>> ReadCrops(SqlSession& session, const PersonCipher& cipher,
                                                     absl::string_view person_id) {
  std::vector<ReferenceCrop> crops;
  for (const SqlRow& row : session.Run(
           "SELECT reference_id, kind, picture, checksum FROM face_reference JOIN crop ON reference = number WHERE "
           "person_id = $1 ORDER BY number",
           {Text(person_id)})) {
    const std::string& reference_id = TextIn(row[0]);
    const std::string& kind = TextIn(row[1]);
    std::optional<std::string> picture = cipher.Restore(reference_id, kind, {BytesIn(row[2]), BytesIn(row[3])});
    if (!picture.has_value()) return DamagedCrop(reference_id);
    crops.push_back({reference_id, {kind, *std::move(picture)}});
  }
  return crops;
}

void InsertCrop(SqlSession& session, const PersonCipher& cipher, absl::string_view reference_id, int64_t number,
                const KeptCrop& crop) {
  StoredContent stored = cipher.Store(reference_id, crop.kind, crop.picture);
  session.Change("INSERT INTO crop (reference, kind, picture, checksum) VALUES ($1, $2, $3, $4)",
                 {number, Text(crop.kind), Blob{std::move(stored.bytes)}, Blob{std::move(stored.proof)}});
}

ModelCoverage ReadCoverage(SqlSession& session, const ModelDigest& model, const EmbeddingSources& sources) {
  const std::vector<SqlRow> rows = session.Run(
      "SELECT count(*), count(embedding.reference), count(*) FILTER (WHERE embedding.reference IS NULL AND "
      "(source.reference IS NOT NULL OR crop.reference IS NOT NULL)), coalesce(max(number), 0) FROM face_reference "
      "LEFT JOIN embedding ON embedding.reference = number AND embedding.model_digest = $1 "
      "LEFT JOIN embedding source ON source.reference = number AND source.model_digest = $2 "
      "LEFT JOIN crop ON crop.reference = number AND crop.kind = $3",
      {Digest(model), OptionalDigest(sources.mapped_from), Text(sources.crop_kind)});
  return {IntegerIn(rows[0][0]), IntegerIn(rows[0][1]), IntegerIn(rows[0][2]), IntegerIn(rows[0][3])};
}

ModelGap ReadGap(SqlSession& session, const ModelDigest& model) {
  // As a rule there is none, and counting says so in a quarter of the time that looking at everybody takes.
  const SqlRow missing = session
                             .Run(
                                 "SELECT face_references - (SELECT count(*) FROM embedding WHERE model_digest = $1) "
                                 "FROM gallery",
                                 {Digest(model)})
                             .at(0);
  if (IntegerIn(missing[0]) == 0) return {};
  const SqlRow row =
      session
          .Run(
              "SELECT count(*) FILTER (WHERE missing = total), CAST(coalesce(sum(missing), 0) AS BIGINT) FROM "
              "(SELECT count(*) AS total, count(*) - count(embedding.reference) AS missing FROM face_reference "
              "LEFT JOIN embedding ON embedding.reference = number AND embedding.model_digest = $1 "
              "GROUP BY person_id) AS of_person",
              {Digest(model)})
          .at(0);
  ModelGap gap{IntegerIn(row[0]), IntegerIn(row[1])};
  if (gap.persons == 0) return gap;
  const std::vector<SqlRow> rows =
      session.Run("SELECT model_digest FROM embedding GROUP BY model_digest ORDER BY count(*) DESC LIMIT 1");
  if (!rows.empty() && !(DigestIn(rows[0][0]) == model)) gap.enrolled_by = DigestIn(rows[0][0]);
  return gap;
}

std::vector<std::string> ReadPersonsWithoutCrop(SqlSession& session, const ModelDigest& model,
                                                const EmbeddingSources& sources, int limit) {
  std::vector<std::string> persons;
  for (const SqlRow& row :
       session.Run("SELECT DISTINCT person_id FROM face_reference "
                   "LEFT JOIN embedding ON embedding.reference = number AND embedding.model_digest = $1 "
                   "LEFT JOIN embedding source ON source.reference = number AND source.model_digest = $2 "
                   "LEFT JOIN crop ON crop.reference = number AND crop.kind = $3 "
                   "WHERE embedding.reference IS NULL AND source.reference IS NULL AND crop.reference IS NULL "
                   "ORDER BY person_id LIMIT $4",
                   {Digest(model), OptionalDigest(sources.mapped_from), Text(sources.crop_kind), int64_t{limit}})) {
    persons.push_back(TextIn(row[0]));
  }
  return persons;
}

absl::StatusOr<std::vector<UnembeddedReference>> ReadUnembedded(SqlSession& session, SqlEncryption& encryption,
                                                                const ModelDigest& model,
                                                                const EmbeddingSources& sources, int64_t after,
                                                                int limit) {
  std::vector<UnembeddedReference> references;
  // No crop is read where there is an embedding in its place.
  static constexpr char kSelect[] =
      "SELECT number, person.person_id, reference_id, data_key, source.embedding, source.checksum, "
      "CASE WHEN source.reference IS NULL THEN picture END, crop.checksum FROM face_reference "
      "JOIN person ON person.person_id = face_reference.person_id LEFT JOIN embedding source ON "
      "source.reference = number AND source.reference > $1 AND source.reference <= $2 AND source.model_digest = $3 "
      "LEFT JOIN crop ON crop.reference = number AND crop.reference > $1 AND crop.reference <= $2 AND crop.kind = $4 "
      "WHERE number > $1 AND number <= $2 AND (source.reference IS NOT NULL OR crop.reference IS NOT NULL) AND NOT "
      "EXISTS (SELECT 1 FROM embedding WHERE embedding.reference = number AND embedding.reference > $1 AND "
      "embedding.reference <= $2 AND embedding.model_digest = $5) ORDER BY number LIMIT $6";
  for (const SqlRow& row :
       RunInWindows(session, kSelect, after, limit,
                    {OptionalDigest(sources.mapped_from), Text(sources.crop_kind), Digest(model)})) {
    UnembeddedReference reference{IntegerIn(row[0]), TextIn(row[1]), TextIn(row[2]), ""};
    const bool mapped = !IsNull(row[4]);
    const absl::StatusOr<PersonCipher> cipher =
        encryption.CipherFor(session, reference.person_id, OptionalBytesIn(row[3]));
    if (!cipher.ok() && ReasonOf(cipher.status()) != Reason::STORE_CORRUPT) return cipher.status();
    if (cipher.ok() && mapped) {
      ReadSource(session, *cipher, sources, row[4], row[5], reference);
    } else if (cipher.ok()) {
      ReadPicture(*cipher, sources.crop_kind, row[6], row[7], reference).IgnoreError();  // it has no picture then
    }
    references.push_back(std::move(reference));
  }
  return references;
}

absl::StatusOr<std::vector<NumberedEmbedding>> ReadEmbeddingsBy(SqlSession& session, SqlEncryption& encryption,
                                                                const ModelDigest& model, int64_t after, int limit) {
  std::vector<NumberedEmbedding> embeddings;
  static constexpr char kSelect[] =
      "SELECT number, person.person_id, reference_id, embedding, checksum, data_key FROM face_reference "
      "JOIN person ON person.person_id = face_reference.person_id JOIN embedding ON reference = number "
      "WHERE number > $1 AND number <= $2 AND reference > $1 AND reference <= $2 AND embedding.model_digest = $3 "
      "ORDER BY number LIMIT $4";
  for (const SqlRow& row : RunInWindows(session, kSelect, after, limit, {Digest(model)})) {
    NumberedEmbedding embedding{IntegerIn(row[0]), TextIn(row[1]), TextIn(row[2]), {}};
    const absl::StatusOr<PersonCipher> cipher =
        encryption.CipherFor(session, embedding.person_id, OptionalBytesIn(row[5]));
    if (cipher.ok()) {
      embedding.values =
          ValuesIn(*cipher, embedding.reference_id, AsText(model.bytes), row[3], row[4]).value_or(std::vector<float>());
    } else if (ReasonOf(cipher.status()) != Reason::STORE_CORRUPT) {
      return cipher.status();
    }
    embeddings.push_back(std::move(embedding));
  }
  return embeddings;
}

}  // namespace likeness
