#include "server/files/file_stamp.h"

#include <sys/stat.h>

namespace likeness {

std::optional<FileStamp> StampOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileStamp{static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
                   static_cast<int64_t>(status.st_size), absl::TimeFromTimespec(status.st_mtim),
                   absl::TimeFromTimespec(status.st_ctim)};
}

}  // namespace likeness
