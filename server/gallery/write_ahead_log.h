// Tells whether a SQLite write-ahead log belongs to the file that it lies beside.
//
// SQLite replays whatever valid log lies beside a file. A log's pages build on one state of the file: replayed over
// another one, such as a backup that was copied over the file of a killed server, they make a file of two halves. So
// each writing transaction leaves a link in the gallery (table log_link): its own stamp, which no other transaction
// ever has, and the stamp of the transaction before it. A log belongs to a file whose stamp is the one that the log's
// first transaction follows, or that of a transaction in the log (which was copied into the file already, by a
// checkpoint).
#ifndef LIKENESS_SERVER_GALLERY_WRITE_AHEAD_LOG_H_
#define LIKENESS_SERVER_GALLERY_WRITE_AHEAD_LOG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace likeness {

// As the row of log_link has them on its page, one after the other: the marker, which the page is recognized by, and
// two stamps of a fixed length.
inline constexpr absl::string_view kLinkMarker = "likeness-link-01";
inline constexpr size_t kStampSize = 48;

struct LogLink {
  std::string stamp;
  std::string previous;  // zeros in the transaction that made the table

  friend bool operator==(const LogLink&, const LogLink&) = default;
};

// A stamp that no other opening of any gallery makes, nor this one for another number. `opening` is a RandomId().
std::string StampOf(absl::string_view opening, uint64_t number);

// The link on a page of a database, if there is one.
std::optional<LogLink> LinkOn(absl::string_view page);

// Whether the first bytes of a file are those of a SQLite file that is used with a write-ahead log.
bool IsUsedWithLog(absl::string_view header);
inline constexpr size_t kHeaderUsed = 20;

// A path as SQLite takes it in a URI.
std::string UriPath(absl::string_view path);

// OK where the log at `path`-wal belongs to the file at `path`, where it is empty, and where there is none. Otherwise
// FAILED_PRECONDITION with a message that says what to do. Changes nothing. Nobody may have the file open.
absl::Status CheckLogBelongs(const std::string& path);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_WRITE_AHEAD_LOG_H_
