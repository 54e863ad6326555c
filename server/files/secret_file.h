// A file of secrets, read again when it changes.
#ifndef LIKENESS_SERVER_FILES_SECRET_FILE_H_
#define LIKENESS_SERVER_FILES_SECRET_FILE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace likeness {

// Not thread-safe.
class SecretFile {
 public:
  explicit SecretFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }

  // The content, the first time and after each change; nothing while it is as it was last time, nor within a second of
  // the last look. FAILED_PRECONDITION, with the reason but not the path, when it cannot be read, or when others than
  // its owner may change it or others than its owner and group may read it.
  absl::StatusOr<std::optional<std::string>> ReadIfChanged(absl::Time now);

 private:
  // What tells one state of a file from another.
  struct Stamp {
    std::filesystem::file_time_type time;
    uintmax_t size = 0;
    uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  absl::StatusOr<Stamp> ReadStamp() const;

  const std::string path_;
  absl::Time looked_ = absl::InfinitePast();
  std::optional<Stamp> stamp_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_FILES_SECRET_FILE_H_
