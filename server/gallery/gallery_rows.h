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
  GalleryPosition position;
};
GalleryRow ReadGallery(SqlSession& session);
// Counts a change; returns the new revision.
int64_t AdvanceRevision(SqlSession& session, int64_t persons, int64_t references);
// With the time by the database's clock, which is the same for all servers.
void InsertChange(SqlSession& session, int64_t revision, const GalleryChange& change);
// Makes a new revision of a change of which model answers, or, kAllowList, may; returns it.
int64_t RecordModelsChange(SqlSession& session, bool shared, GalleryChange::Kind kind = GalleryChange::Kind::kModels);
// Those after `revision`, up to `last`.
std::vector<GalleryChange> ReadChanges(SqlSession& session, int64_t revision, int64_t last);
// The tag of the revision, as the log's entry of the next one has it; nothing where the log has not that entry.
std::optional<std::string> ReadTagBefore(SqlSession& session, int64_t next_revision);
// Unless the gallery has another history already.
void ReplaceHistory(SqlSession& session, absl::string_view before, absl::string_view after);
// Whether the first change that the log has is older than `age`, by the same clock.
bool HasChangeOlderThan(SqlSession& session, absl::Duration age);
// Of the first `revisions` that the log has, those before the first that is not older than `age`, by the same clock.
// Returns how many changes there were.
int64_t RemoveChangesOlderThan(SqlSession& session, absl::Duration age, int64_t revisions);
// Whether the log has every revision after this one.
bool LogReachesBackTo(SqlSession& session, int64_t revision);
// The lowest number of a reference that has got an embedding by `model` after `revision`, as far as the log goes.
std::optional<int64_t> ReadFirstEmbedded(SqlSession& session, int64_t revision, const ModelDigest& model);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_GALLERY_ROWS_H_
