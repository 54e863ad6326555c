// A gallery's SQLite file without a server: its backup, its restore, and whether it is whole.
//
//   absl::StatusOr<GalleryFileReport> backup = BackUpGallery("/var/lib/likeness/gallery.db", "/backup/gallery.db");
//
// Errors name the file and say what to do. Nothing here needs the master keys.
#ifndef LIKENESS_SERVER_GALLERY_GALLERY_FILE_H_
#define LIKENESS_SERVER_GALLERY_GALLERY_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace likeness {

// What is in a gallery's file.
struct GalleryFileReport {
  std::vector<std::string> problems;  // what is wrong with it; empty where it is whole
  int64_t schema = 0;
  int64_t persons = 0;
  int64_t references = 0;
  int64_t revision = 0;
  bool encrypted = false;
  int64_t persons_without_key = 0;  // whose faces are readable for whoever reads the file
  std::string gallery_id;           // these two are empty in galleries of a likeness that did not know them
  std::string history;
};

// Reads the file with its write-ahead log, also while a server has it open, and compares everything in it that can be
// held against something else. FAILED_PRECONDITION where it is no gallery, or one of a newer likeness; NOT_FOUND.
absl::StatusOr<GalleryFileReport> CheckGalleryFile(const std::string& path);

// Writes a copy of the state that the gallery has now, readable for its owner only, and checks it. Calls of a server
// that has the gallery open are neither refused nor held up meanwhile; only deletions leave their traces in the
// write-ahead log until the copy is made. `to` is replaced in one step when the copy is whole and on disk; otherwise it
// is left as it is. DATA_LOSS when the copy is not whole; FAILED_PRECONDITION when `to` is in use, or when the
// write-ahead log beside `from` is not its own; the errors of CheckGalleryFile().
absl::StatusOr<GalleryFileReport> BackUpGallery(const std::string& from, const std::string& to);

struct RestoreOptions {
  bool other_gallery = false;  // also where what is at the place is another gallery than that of the backup
};

struct RestoredGallery {
  GalleryFileReport report;  // of what is in place now
  std::string kept;          // where that lies which was in place before; empty where nothing was
};

// Puts a copy of the backup in place as the gallery at `to`, with a new history, for the owner of what was there. What
// was there stays beside it under another name, with its log. However far it comes, what lies at `to` is the old
// gallery or the new one. FAILED_PRECONDITION when a server has the gallery open, or when the two are different
// galleries; the errors of BackUpGallery(). `now` is part of the other name.
absl::StatusOr<RestoredGallery> RestoreGallery(const std::string& backup, const std::string& to, absl::Time now,
                                               const RestoreOptions& options = {});

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_GALLERY_FILE_H_
