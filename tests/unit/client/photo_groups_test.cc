#include "client/evaluation/photo_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <utility>

#include "client/evaluation/comparisons.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class PhotoGroupsTest : public testing::Test {
 protected:
  PhotoGroupsTest() {
    for (const char* photo : {"adult/004/1.png", "young/004/1.png", "young/004/2.png", "young/005/1.png"}) {
      std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + photo).parent_path());
      WriteFile(folder_ + "/" + photo, "");
    }
  }
  ~PhotoGroupsTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = UniquePath("photo_groups");
};

TEST_F(PhotoGroupsTest, ReadsOnePlainFolderOrSeveralNamedOnes) {
  const auto plain = ReadNamedFolders({folder_});
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->front().name, "");
  const auto named = ReadNamedFolders({"ages/adult=" + folder_ + "/adult", "ages/young=" + folder_ + "/young"});
  ASSERT_THAT(named, IsOk());
  EXPECT_EQ((*named)[1].name, "ages/young");
  EXPECT_EQ((*named)[1].path, folder_ + "/young");
}

TEST_F(PhotoGroupsTest, TakesAFolderWithAnEqualsSignInItsNameAsItStands) {
  const std::string path = folder_ + "/young=people";
  std::filesystem::create_directories(path);
  const auto folders = ReadNamedFolders({path});
  ASSERT_THAT(folders, IsOk());
  EXPECT_EQ(folders->front().name, "");
  EXPECT_EQ(folders->front().path, path);
}

TEST_F(PhotoGroupsTest, SaysWhatIsWrongWithAFolder) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{folder_ + "/nowhere"}, "nowhere is not a folder"},
      {{"young=" + folder_ + "/nowhere"}, "nowhere is not a folder"},
      {{"=" + folder_}, "has no name of a group; expected NAME=DIR"},
      {{"ages/=" + folder_}, "has no name of a group"},
      {{"a=" + folder_, folder_}, "expected NAME=" + folder_},
      {{"a=" + folder_, "a=" + folder_}, "two folders are named a"}};
  for (const auto& [arguments, message] : wrong) {
    EXPECT_THAT(ReadNamedFolders(arguments), HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
}

TEST_F(PhotoGroupsTest, ShareTheirPeopleWhereTheirNamesAgreeUpToTheSlash) {
  const auto people_of = [&](const std::string& adult, const std::string& young) {
    const auto groups = ListNamedFolders({{adult, folder_ + "/adult"}, {young, folder_ + "/young"}});
    return CompareGroups(*groups, {})->people;
  };
  EXPECT_EQ(people_of("ages/adult", "ages/young"), 2u) << "004 and 005";
  EXPECT_EQ(people_of("poses/frontal", "cameras/frame"), 3u);
  EXPECT_EQ(people_of("adult", "young"), 3u);
}

TEST_F(PhotoGroupsTest, CompareOnlyPhotosOfOneGroup) {
  const auto groups = ListNamedFolders({{"ages/adult", folder_ + "/adult"}, {"ages/young", folder_ + "/young"}});
  ASSERT_THAT(groups, IsOk());
  const auto comparisons = CompareGroups(*groups, {});
  ASSERT_THAT(comparisons, IsOk());
  std::vector<std::pair<std::string, std::string>> paths;
  ForEachComparison(*comparisons, [&](uint32_t a, uint32_t b) {
    paths.emplace_back(comparisons->photos[a].path, comparisons->photos[b].path);
  });
  EXPECT_THAT(paths, ElementsAre(Pair("ages/young/004/1.png", "ages/young/004/2.png"),
                                 Pair("ages/young/004/1.png", "ages/young/005/1.png"),
                                 Pair("ages/young/004/2.png", "ages/young/005/1.png")));
  EXPECT_EQ(comparisons->photos[1].file, folder_ + "/young/004/1.png");
  ASSERT_EQ(comparisons->groups.size(), 2u);
  EXPECT_EQ(comparisons->groups[0].name, "ages/adult");
  EXPECT_EQ(comparisons->groups[1].begin, 1u);
  EXPECT_EQ(comparisons->groups[1].end, 4u);
}

TEST_F(PhotoGroupsTest, DivideIntoPartsByTheNamesOfFolders) {
  const auto groups = ListNamedFolders({{"ages/adult", folder_ + "/adult"}, {"ages/young", folder_ + "/young"}});
  const uint64_t part = IsInPart("004", {1, 2}) ? 1 : 2;
  const auto comparisons = CompareGroups(*groups, {part, 2});
  ASSERT_THAT(comparisons, IsOk());
  EXPECT_EQ(comparisons->groups[0].end, 1u) << "004 as an adult, whatever the group is called";
}

TEST(GroupsOfPeopleTest, ReadsAListAndNamesTheLineThatIsWrong) {
  std::istringstream good("ann x\n\nbob\ty\r\nann x\n");
  const auto groups = ReadGroupsOfPeople(good);
  ASSERT_THAT(groups, IsOk());
  EXPECT_THAT(*groups, ElementsAre(Pair("ann", "x"), Pair("bob", "y")));
  for (const auto& [text, message] : {std::pair{"ann x\nbob\n", "line 2: is not a person's name and a group's"},
                                      {"ann x\nann y\n", "line 2: ann was said to be of x"},
                                      {"\n", "the list is empty"}}) {
    std::istringstream wrong(text);
    EXPECT_THAT(ReadGroupsOfPeople(wrong), HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
}

TEST(DividePhotosTest, GathersThePhotosOfEachGroupAndOfThePeopleWithout) {
  const PhotoFolder folder = {{{"ann", "ann/1"}, {"bob", "bob/1"}, {"cid", "cid/1"}, {"dan", "dan/1"}}, 4, 0};
  const auto groups = DividePhotos("photos", folder, {{"ann", "y"}, {"bob", "x"}, {"cid", "y"}});
  ASSERT_THAT(groups, IsOk());
  const auto comparisons = CompareGroups(*groups, {});
  ASSERT_THAT(comparisons, IsOk());
  std::vector<std::string> names, paths;
  for (const PhotoRange& group : comparisons->groups) names.push_back(group.name);
  for (const KnownPhoto& photo : comparisons->photos) paths.push_back(photo.path);
  EXPECT_THAT(names, ElementsAre("unlabeled", "x", "y"));
  EXPECT_THAT(paths, ElementsAre("dan/1", "bob/1", "ann/1", "cid/1"));
  EXPECT_EQ(comparisons->photos[0].file, "photos/dan/1");
}

TEST(DividePhotosTest, RefusesAListOfOtherPeople) {
  EXPECT_THAT(DividePhotos("photos", {{{"ann", "ann/1"}}, 1, 0}, {{"bob", "x"}}),
              HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr("the list names nobody whose photos")));
}

}  // namespace
}  // namespace likeness
