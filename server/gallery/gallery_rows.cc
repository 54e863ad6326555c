#include "server/gallery/gallery_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/sql_rows.h"
#include "server/gallery/sql_values.h"

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
  result.revision = ReadGallery(session).revision;
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
  const SqlRow row = session.Run("SELECT persons, face_references, revision, encrypted FROM gallery").at(0);
  return {{IntegerIn(row[0]), IntegerIn(row[1])}, IntegerIn(row[2]), IntegerIn(row[3]) != 0};
}

int64_t AdvanceRevision(SqlSession& session, int64_t persons, int64_t references) {
  const std::vector<SqlRow> rows = session.Run(
      "UPDATE gallery SET persons = persons + $1, face_references = face_references + $2, revision = revision + 1 "
      "RETURNING revision",
      {persons, references});
  return IntegerIn(rows.at(0)[0]);
}

void InsertChange(SqlSession& session, int64_t revision, const GalleryChange& change, absl::Time time) {
  session.Change(
      "INSERT INTO change (revision, kind, person, subject, time) VALUES ($1, $2, $3, $4, $5)",
      {revision, static_cast<int64_t>(change.kind), Bytes(AsText(change.person)), Text(change.subject), Micros(time)});
}

std::vector<GalleryChange> ReadChanges(SqlSession& session, int64_t revision, int64_t last, int64_t& first) {
  first = IntegerIn(session.Run("SELECT coalesce(min(revision), 0) FROM change").at(0)[0]);
  std::vector<GalleryChange> changes;
  for (const SqlRow& row : session.Run("SELECT kind, person, subject FROM change WHERE revision > $1 AND "
                                       "revision <= $2 ORDER BY revision, number",
                                       {revision, last})) {
    changes.push_back(
        {static_cast<GalleryChange::Kind>(IntegerIn(row[0])), ArrayIn<PersonKey>(row[1]), TextIn(row[2])});
  }
  return changes;
}

int64_t RecordModelsChange(SqlSession& session, bool shared) {
  const int64_t revision = AdvanceRevision(session, 0, 0);
  if (shared) InsertChange(session, revision, GalleryChange{}, absl::Now());
  return revision;
}

void RemoveChangesBefore(SqlSession& session, absl::Time time) {
  session.Change("DELETE FROM change WHERE time < $1", {Micros(time)});
}

}  // namespace likeness
