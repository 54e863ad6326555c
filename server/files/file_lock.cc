#include "server/files/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace likeness {

FileLock::FileLock(const std::string& path) : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool FileLock::Acquire() const { return flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

}  // namespace likeness
