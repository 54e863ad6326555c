#include "server/files/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

// Closes what it was given.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

bool WriteAll(int descriptor, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Gives a file owner, group and permissions of the one at `path`, if there is one.
bool KeepAccess(const std::string& path, int descriptor) {
  struct stat before {
  }, now{};
  if (stat(path.c_str(), &before) != 0) return errno == ENOENT;
  if (fstat(descriptor, &now) != 0) return false;
  // Asked for only where it is wanted: a server may not be allowed to.
  const bool same = before.st_uid == now.st_uid && before.st_gid == now.st_gid;
  return (same || fchown(descriptor, before.st_uid, before.st_gid) == 0) &&
         fchmod(descriptor, before.st_mode & 0777) == 0;
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be opened"));
  std::ostringstream content;
  if (file.peek() != std::ifstream::traits_type::eof()) content << file.rdbuf();
  if (file.bad() || content.fail()) return absl::DataLossError(absl::StrCat(path, " cannot be read"));
  return std::move(content).str();
}

absl::Status ReplaceFile(const std::string& path, absl::string_view content) {
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const auto failed = [&] {
    absl::Status status = absl::FailedPreconditionError(absl::StrCat(path, " cannot be written: ", strerror(errno)));
    unlink(temporary.c_str());
    return status;
  };
  {
    const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
    if (file.get() < 0 || !KeepAccess(path, file.get()) || !WriteAll(file.get(), content) || fsync(file.get()) != 0) {
      return failed();
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed();
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory.get()) != 0) return failed();
  return absl::OkStatus();
}

}  // namespace likeness
