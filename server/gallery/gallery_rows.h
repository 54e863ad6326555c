// The rows that are about the gallery as a whole: its size and revision, the log of changes, what enrolments were asked
// for. Private to gallery/.
//
// None of these begins or ends a transaction. All throw exceptions derived from std::exception.
#ifndef LIKENESS_SERVER_GALLERY_GALLERY_ROWS_H_
#define LIKENESS_SERVER_GALLERY_GALLERY_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/sql.h"
#include "server/gallery/store.h"

namespace likeness {

// As Store::FindEnrolment().
absl::StatusOr<std::optional<EnrolmentResult>> ReadEnrolment(SqlSession& session, absl::string_view request_id,
                                                             const ContentDigest& content);
void InsertEnrolment(SqlSession& session, const Enrolment& enrolment);
std::vector<std::string> ReadRequestIds(SqlSession& session, absl::string_view person_id);

struct GalleryRow {
  GallerySize size;
  int64_t revision = 0;
  bool encrypted = false;
};
GalleryRow ReadGallery(SqlSession& session);
// Counts a change; returns the new revision.
int64_t AdvanceRevision(SqlSession& session, int64_t persons, int64_t references);
void InsertChange(SqlSession& session, int64_t revision, const GalleryChange& change, absl::Time time);
// Makes a new revision of a change of which model answers or may; returns it.
int64_t RecordModelsChange(SqlSession& session, bool shared);
// Those after `revision`, up to `last`; with the first revision that the log has, or 0 for an empty one.
std::vector<GalleryChange> ReadChanges(SqlSession& session, int64_t revision, int64_t last, int64_t& first);
void RemoveChangesBefore(SqlSession& session, absl::Time time);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_GALLERY_ROWS_H_
