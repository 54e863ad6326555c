// A file that somebody replaces while it is being read.
#ifndef LIKENESS_TESTS_SUPPORT_SWAPPED_FILE_H_
#define LIKENESS_TESTS_SUPPORT_SWAPPED_FILE_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/files.h"

namespace likeness {

// Whoever opens `path` first reads `first`; whoever opens it afterwards reads `then`. Until the first one opens it, the
// path is a named pipe; by the time anything can be read from that, a file has taken its name.
class SwappedFile {
 public:
  SwappedFile(std::string path, std::string first, const std::string& then) : path_(std::move(path)) {
    WriteFile(path_ + ".then", then);
    std::filesystem::remove(path_);
    mkfifo(path_.c_str(), 0600);
    writer_ = std::thread([this, first = std::move(first)] {
      const int pipe = open(path_.c_str(), O_WRONLY);  // waits for a reader
      std::filesystem::rename(path_ + ".then", path_);
      for (size_t done = 0; done < first.size();) {
        const ssize_t written = write(pipe, first.data() + done, first.size() - done);
        if (written <= 0) break;
        done += static_cast<size_t>(written);
      }
      close(pipe);
    });
  }
  ~SwappedFile() {
    // Nobody has read it: lets the writer go.
    if (std::filesystem::is_fifo(path_)) ReadFile(path_);
    writer_.join();
  }
  SwappedFile(const SwappedFile&) = delete;
  SwappedFile& operator=(const SwappedFile&) = delete;

 private:
  const std::string path_;
  std::thread writer_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_SWAPPED_FILE_H_
