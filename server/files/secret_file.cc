#include "server/files/secret_file.h"

#include <sys/stat.h>

#include "server/files/files.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);

}  // namespace

absl::StatusOr<SecretFile::Stamp> SecretFile::ReadStamp() const {
  struct stat status;
  if (stat(path_.c_str(), &status) != 0) return absl::FailedPreconditionError("it cannot be opened");
  // The group may read: a secret that an orchestrator mounts belongs to root and the container's group.
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(
        "others than its owner may change it, or others than its group read it; chmod 600 it");
  }
  std::error_code error;
  const Stamp stamp{std::filesystem::last_write_time(path_, error), static_cast<uintmax_t>(status.st_size),
                    static_cast<uint64_t>(status.st_ino)};
  if (error) return absl::FailedPreconditionError("it cannot be opened");
  return stamp;
}

absl::StatusOr<std::optional<std::string>> SecretFile::ReadIfChanged(absl::Time now) {
  if (now - looked_ < kBetweenLooks && now >= looked_) return std::nullopt;
  looked_ = now;
  const absl::StatusOr<Stamp> stamp = ReadStamp();
  if (!stamp.ok()) return stamp.status();
  if (stamp_ == *stamp) return std::nullopt;
  absl::StatusOr<std::string> content = ReadWholeFile(path_);
  if (!content.ok()) return absl::FailedPreconditionError("it cannot be read");
  stamp_ = *stamp;
  return *std::move(content);
}

}  // namespace likeness
