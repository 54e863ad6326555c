#include "server/files/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <optional>

#include "server/files/file_stamp.h"
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

// A key added by root used to leave a key file that the server could not read any more.
TEST(FilesTest, LeavesOwnerGroupAndPermissionsAsTheyAre) {
  const std::string path = UniquePath("file");
  ASSERT_THAT(ReplaceFile(path, "one"), IsOk());
  struct stat file {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U) << "a new one is for its owner";
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const bool root = geteuid() == 0;  // only root may give files away
  if (root) {
    ASSERT_EQ(chown(path.c_str(), 12, 34), 0);
  }
  ASSERT_THAT(ReplaceFile(path, "two"), IsOk());
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0640U);
  EXPECT_EQ(file.st_uid, root ? 12U : geteuid());
  EXPECT_EQ(file.st_gid, root ? 34U : getegid());
}

TEST(FilesTest, StampsTellAFileFromTheOneThatReplacesIt) {
  const std::string path = UniquePath("file");
  EXPECT_EQ(StampOf(path), std::nullopt);
  WriteFile(path, "one");
  const std::optional<FileStamp> one = StampOf(path);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(StampOf(path), one);
  ASSERT_THAT(ReplaceFile(path, "two"), IsOk());
  const std::optional<FileStamp> two = StampOf(path);
  EXPECT_NE(two, one) << "of the same size";
  WriteFile(path, "three");
  EXPECT_NE(StampOf(path), two) << "the same file";
  EXPECT_FALSE(two->Settled(two->changed));
  EXPECT_TRUE(two->Settled(two->changed + absl::Seconds(10)));
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
