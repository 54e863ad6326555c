#include "tests/support/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

// This process's part of the temporary folder, gone with the process.
class ProcessFolder {
 public:
  ProcessFolder() : path_(absl::StrCat(testing::TempDir(), "/likeness-test-", getpid())) {}
  ~ProcessFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace

std::string UniquePath(absl::string_view name) {
  static const ProcessFolder folder;
  static std::atomic<int> calls = 0;
  const std::string path = absl::StrCat(folder.path(), "/", ++calls);
  std::filesystem::create_directories(path);
  return absl::StrCat(path, "/", name);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  EXPECT_TRUE(file.good()) << path;
}

std::string ModelPath(absl::string_view name) { return absl::StrCat(LIKENESS_MODELS_DIR, "/", name); }

std::string PhotoPath(absl::string_view name) { return absl::StrCat(LIKENESS_PHOTOS_DIR, "/", name); }

}  // namespace likeness
