// Tells whether a file is still the one that was read.
#ifndef LIKENESS_SERVER_FILES_FILE_STAMP_H_
#define LIKENESS_SERVER_FILES_FILE_STAMP_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace likeness {

// Two stamps of a path are the same when nobody has replaced or written the file in between; see Settled().
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  absl::Time modified;
  absl::Time changed;  // its content or anything else about it: when it came to this folder

  friend bool operator==(const FileStamp&, const FileStamp&) = default;

  // Whether a later change would show in the times, which advance in steps. Until then the file has to be read anew.
  bool Settled(absl::Time now) const { return now - changed > absl::Seconds(2); }
};

// Nothing where there is no such file. Thread-safe.
std::optional<FileStamp> StampOf(const std::string& path);

}  // namespace likeness

#endif  // LIKENESS_SERVER_FILES_FILE_STAMP_H_
