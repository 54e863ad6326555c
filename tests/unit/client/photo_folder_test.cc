#include "client/photo_folder/photo_folder.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PhotoFolderTest : public ::testing::Test {
 protected:
  PhotoFolderTest() { std::filesystem::create_directories(folder_); }

  void Add(const std::string& file) {
    const std::filesystem::path path = folder_ + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    WriteFile(path, "photo");
  }
  void AddFolder(const std::string& name) { std::filesystem::create_directories(folder_ + "/" + name); }

  std::vector<std::string> Names() {
    const PhotoFolder folder = ListPhotoFolder(folder_).value();
    std::vector<std::string> names;
    for (const PhotoFile& photo : folder.photos) {
      names.push_back(absl::StrCat(photo.person, ": ", photo.name));
    }
    return names;
  }
  std::string Error() { return std::string(ListPhotoFolder(folder_).status().message()); }

  const std::string folder_ = UniquePath("faces");
};

TEST_F(PhotoFolderTest, ListsPeopleAndTheirPhotosInTheOrderOfTheirNames) {
  Add("bob/2.jpg");
  Add("bob/10.jpg");
  Add("alice/b.png");
  Add("alice/a.webp");
  Add("Zoe/1.pgm");
  EXPECT_THAT(Names(), ElementsAre("Zoe: Zoe/1.pgm", "alice: alice/a.webp", "alice: alice/b.png", "bob: bob/10.jpg",
                                   "bob: bob/2.jpg"));
  EXPECT_EQ(ListPhotoFolder(folder_)->people, 3);
}

TEST_F(PhotoFolderTest, TakesTheExtensionsThatTorchvisionAndTheServerKnowInEitherCase) {
  for (const char* extension : {"jpg", "jpeg", "png", "webp", "ppm", "pgm", "JPG", "Png"}) {
    Add(absl::StrCat("alice/photo.", extension));
  }
  Add("alice/photo.bmp");
  Add("alice/notes.txt");
  Add("alice/jpg");
  Add("readme.jpg");
  EXPECT_EQ(Names().size(), 8u);
  EXPECT_EQ(ListPhotoFolder(folder_)->ignored_files, 4);
}

TEST_F(PhotoFolderTest, TakesPhotosDeeperDownAndBehindLinks) {
  Add("alice/z.jpg");
  Add("alice/holiday/beach.jpg");
  std::filesystem::create_directory_symlink(folder_ + "/alice/holiday", folder_ + "/bob");
  EXPECT_THAT(Names(), ElementsAre("alice: alice/z.jpg", "alice: alice/holiday/beach.jpg", "bob: bob/beach.jpg"));
}

TEST_F(PhotoFolderTest, PassesOverHiddenFilesAndFolders) {
  Add("alice/a.jpg");
  Add("alice/._a.jpg");
  Add(".thumbnails/b.jpg");
  Add(".DS_Store");
  EXPECT_THAT(Names(), ElementsAre("alice: alice/a.jpg"));
  EXPECT_EQ(ListPhotoFolder(folder_)->ignored_files, 0);
}

TEST_F(PhotoFolderTest, RefusesAFolderWithoutPeople) {
  Add("a.jpg");
  EXPECT_EQ(ListPhotoFolder(folder_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Error(), HasSubstr("has no folder of a person; expected "));
}

TEST_F(PhotoFolderTest, RefusesAPersonWithoutPhotos) {
  Add("alice/a.jpg");
  Add("bob/a.gif");
  EXPECT_EQ(ListPhotoFolder(folder_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Error(), HasSubstr("the folder of bob has no photo (jpg, jpeg, png, webp, ppm or pgm)"));
}

TEST_F(PhotoFolderTest, RefusesNamesThatCannotBeAPersons) {
  AddFolder(std::string(129, 'a'));
  EXPECT_THAT(Error(), HasSubstr("up to 128 bytes of UTF-8"));
}

TEST_F(PhotoFolderTest, RefusesNamesThatAreNotUtf8) {
  Add("Jos\xC3\xA9/a.jpg");
  EXPECT_TRUE(ListPhotoFolder(folder_).ok());
  Add("Jos\xE9/a.jpg");  // Latin-1
  EXPECT_THAT(Error(), HasSubstr("Jos\\xe9"));
}

TEST_F(PhotoFolderTest, ReportsAFolderThatCannotBeRead) {
  const absl::Status status = ListPhotoFolder(folder_ + "/none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/none: No such file or directory"));
}

TEST_F(PhotoFolderTest, RefusesAFolderThatContainsItself) {
  Add("alice/a.jpg");
  std::filesystem::create_directory_symlink(folder_ + "/alice", folder_ + "/alice/again");
  EXPECT_THAT(Error(), HasSubstr("Too many levels of symbolic links"));
}

}  // namespace
}  // namespace likeness
