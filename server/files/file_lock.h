// A lock that one process holds at a time.
#ifndef LIKENESS_SERVER_FILES_FILE_LOCK_H_
#define LIKENESS_SERVER_FILES_FILE_LOCK_H_

#include <string>

namespace likeness {

// Held from Acquire() to the end of the object, or of the process, however that ends: the kernel lets go of it. The
// file stays. Not thread-safe.
class FileLock {
 public:
  // Makes the file if need be, for its owner only.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Whether there is a file to lock.
  bool Exists() const { return descriptor_ >= 0; }
  // Whether it is held now; false when somebody else holds it.
  bool Acquire() const;

 private:
  const int descriptor_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_FILES_FILE_LOCK_H_
