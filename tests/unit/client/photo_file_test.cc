#include "client/cli/photo_file.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/cli_run.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ReadPhotosTest, ReadsFilesAndStandardInputInTheirOrder) {
  std::istringstream in(std::string("\0from\nstdin", 11));
  const absl::StatusOr<std::vector<std::string>> photos =
      ReadPhotos({FileWith("read_photos_a", "first"), "-", FileWith("read_photos_b", std::string(200000, 'b'))}, in);
  ASSERT_TRUE(photos.ok()) << photos.status();
  EXPECT_THAT(*photos, ElementsAre("first", std::string("\0from\nstdin", 11), std::string(200000, 'b')));
}

TEST(ReadPhotosTest, LeavesAnEmptyPhotoToTheServer) {
  std::istringstream in;
  EXPECT_THAT(*ReadPhotos({FileWith("read_photos_empty", ""), "-"}, in), ElementsAre("", ""));
}

TEST(ReadPhotosTest, RefusesToReadStandardInputTwice) {
  std::istringstream in("photo");
  EXPECT_EQ(ReadPhotos({"-", "-"}, in).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadPhotoFileTest, ReportsAFileThatCannotBeRead) {
  const std::string missing = testing::TempDir() + "/no-such-photo.jpg";
  EXPECT_THAT(std::string(ReadPhotoFile(missing).status().message()),
              HasSubstr("no-such-photo.jpg: No such file or directory"));
  EXPECT_THAT(std::string(ReadPhotoFile(testing::TempDir()).status().message()), HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace likeness
