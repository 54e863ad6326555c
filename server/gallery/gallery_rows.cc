#include "server/gallery/gallery_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/sql_rows.h"
#include "server/gallery/sql_values.h"
#include "server/hashing/random_id.h"

namespace likeness {

absl::StatusOr<std::optional<EnrolmentResult>> ReadEnrolment(SqlSession& session, absl::string_view request_id,
                                                             const ContentDigest& content) {
  const std::vector<SqlRow> rows = session.Run(
      "SELECT person_id, content_digest, create_time, model_digest, reference_ids FROM enrolment WHERE request_id = $1",
      {Text(request_id)});
  if (rows.empty()) return std::nullopt;
  const SqlRow& row = rows[0];
  if (BytesIn(row[1]) != AsText(content)) {
    return MakeError(Reason::REQUEST_ID_REUSED, "the request_id was used before with other content");
  }
  EnrolmentResult result;
  result.replayed = true;
  for (absl::string_view id : absl::StrSplit(TextIn(row[4]), ' ')) {
    result.references.push_back({std::string(id), TimeIn(row[2]), DigestIn(row[3])});
  }
  result.reference_count = CountReferences(session, TextIn(row[0]));
  result.revision = ReadGallery(session).position.revision;
  return result;
}

void InsertEnrolment(SqlSession& session, const Enrolment& enrolment) {
  const std::string ids = absl::StrJoin(enrolment.references, " ", [](std::string* out, const ReferenceEmbedding& r) {
    absl::StrAppend(out, r.reference_id);
  });
  session.Change(
      "INSERT INTO enrolment (request_id, person_id, content_digest, create_time, model_digest, reference_ids) "
      "VALUES ($1, $2, $3, $4, $5, $6)",
      {Text(enrolment.request_id), Text(enrolment.person_id), Bytes(AsText(enrolment.content)),
       Micros(enrolment.create_time), Digest(enrolment.references.front().embedding.model), Text(ids)});
}

std::vector<std::string> ReadRequestIds(SqlSession& session, absl::string_view person_id) {
  std::vector<std::string> ids;
  for (const SqlRow& row :
       session.Run("SELECT request_id FROM enrolment WHERE person_id = $1 ORDER BY request_id", {Text(person_id)})) {
    ids.push_back(TextIn(row[0]));
  }
  return ids;
}

GalleryRow ReadGallery(SqlSession& session) {
  const SqlRow row = session.Run("SELECT persons, face_references, history, revision, tag FROM gallery").at(0);
  return {{IntegerIn(row[0]), IntegerIn(row[1])}, {TextIn(row[2]), IntegerIn(row[3]), TextIn(row[4])}};
}

int64_t AdvanceRevision(SqlSession& session, int64_t persons, int64_t references) {
  const std::vector<SqlRow> rows = session.Run(
      "UPDATE gallery SET persons = persons + $1, face_references = face_references + $2, revision = revision + 1, "
      "tag = $3, previous_tag = tag RETURNING revision",
      {persons, references, RandomId()});
  return IntegerIn(rows.at(0)[0]);
}

void InsertChange(SqlSession& session, int64_t revision, const GalleryChange& change) {
  session.Change(
      "INSERT INTO change (revision, kind, person, subject, reference, follows) VALUES ($1, $2, $3, $4, $5, "
      "(SELECT previous_tag FROM gallery))",
      {revision, static_cast<int64_t>(change.kind), Bytes(AsText(change.person)), Text(change.subject), change.number});
}

std::vector<GalleryChange> ReadChanges(SqlSession& session, int64_t revision, int64_t last) {
  std::vector<GalleryChange> changes;
  for (const SqlRow& row : session.Run("SELECT kind, person, subject, reference FROM change WHERE revision > $1 AND "
                                       "revision <= $2 ORDER BY revision, number",
                                       {revision, last})) {
    changes.push_back({static_cast<GalleryChange::Kind>(IntegerIn(row[0])), ArrayIn<PersonKey>(row[1]), TextIn(row[2]),
                       IntegerIn(row[3])});
  }
  return changes;
}

int64_t RecordModelsChange(SqlSession& session, bool shared, GalleryChange::Kind kind) {
  const int64_t revision = AdvanceRevision(session, 0, 0);
  GalleryChange change;
  change.kind = kind;
  if (shared) InsertChange(session, revision, change);
  return revision;
}

bool HasChangeOlderThan(SqlSession& session, absl::Duration age) {
  const std::vector<SqlRow> rows = session.Run(
      "SELECT count(*) FROM (SELECT time FROM change ORDER BY revision, number LIMIT 1) first WHERE time < "
      "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $1",
      {absl::ToInt64Microseconds(age)});
  return IntegerIn(rows.at(0)[0]) > 0;
}

int64_t RemoveChangesOlderThan(SqlSession& session, absl::Duration age, int64_t revisions) {
  // Whole revisions from the first on, so that what is left has no gap whatever the clock did.
  return session.Change(
      "WITH beyond AS (SELECT min(revision) + $1 AS revision FROM change) DELETE FROM change WHERE revision < "
      "(SELECT coalesce(min(change.revision), min(beyond.revision)) FROM beyond LEFT JOIN change ON change.revision < "
      "beyond.revision AND time >= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $2)",
      {revisions, absl::ToInt64Microseconds(age)});
}

std::optional<std::string> ReadTagBefore(SqlSession& session, int64_t next_revision) {
  const std::vector<SqlRow> rows =
      session.Run("SELECT follows FROM change WHERE revision = $1 LIMIT 1", {next_revision});
  return rows.empty() ? std::nullopt : std::optional(TextIn(rows[0][0]));
}

void ReplaceHistory(SqlSession& session, absl::string_view before, absl::string_view after) {
  session.Change("UPDATE gallery SET history = $1 WHERE history = $2", {Text(after), Text(before)});
}

bool LogReachesBackTo(SqlSession& session, int64_t revision) {
  if (ReadGallery(session).position.revision == revision) return true;
  const SqlValue first = session.Run("SELECT min(revision) FROM change").at(0)[0];
  return !IsNull(first) && IntegerIn(first) <= revision + 1;
}

std::optional<int64_t> ReadFirstEmbedded(SqlSession& session, int64_t revision, const ModelDigest& model) {
  const SqlRow row = session
                         .Run("SELECT min(reference) FROM change WHERE revision > $1 AND kind = $2 AND subject = $3",
                              {revision, static_cast<int64_t>(GalleryChange::Kind::kEmbedded), Text(model.Hex())})
                         .at(0);
  return IsNull(row[0]) ? std::nullopt : std::optional(IntegerIn(row[0]));
}

}  // namespace likeness
