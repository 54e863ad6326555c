#include "server/files/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(FilesTest, ReadsWhatWasWritten) {
  const std::string path = UniquePath("file");
  for (const std::string& content : {std::string(), std::string("a\0b", 3), std::string(3 << 20, 'x')}) {
    ASSERT_THAT(ReplaceFile(path, content), IsOk());
    EXPECT_THAT(ReadWholeFile(path), IsOkAndHolds(content));
  }
}

TEST(FilesTest, LeavesNothingBesideTheFile) {
  const std::string folder = UniquePath("folder");
  std::filesystem::create_directory(folder);
  ASSERT_THAT(ReplaceFile(folder + "/file", "content"), IsOk());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(FilesTest, NamesTheFileThatCannotBeReadOrWritten) {
  const std::string nowhere = UniquePath("nowhere") + "/file";
  EXPECT_THAT(ReadWholeFile(nowhere), HasStatus(absl::StatusCode::kNotFound, HasSubstr(nowhere)));
  EXPECT_THAT(ReplaceFile(nowhere, ""), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(nowhere)));
  const std::string folder = UniquePath("folder");
  std::filesystem::create_directory(folder);
  EXPECT_THAT(ReplaceFile(folder, ""), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(folder)));
}

}  // namespace
}  // namespace likeness
