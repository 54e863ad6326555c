#include "client/training/finding_text.h"

#include <string>

#include "gtest/gtest.h"

namespace likeness {
namespace {

std::string Text(v1::PhotoFindingKind kind, int photos, int compared_with, bool left_out) {
  v1::PhotoFinding finding;
  finding.set_kind(kind);
  for (int i = 0; i < photos; ++i) finding.add_photos(i);
  for (int i = 0; i < compared_with; ++i) finding.add_compared_with(100 + i);
  finding.set_distance(1.234);
  finding.set_left_out(left_out);
  return FindingText(finding, [](int index) { return std::to_string(index) + ".jpg"; });
}

TEST(FindingTextTest, SaysWhatIsWrongWithWhichPhotos) {
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_DUPLICATE, 1, 1, true),
            "left out 0.jpg: nearly the same photo as 100.jpg (distance 1.23)");
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_DUPLICATE_OF_ANOTHER_PERSON, 1, 1, true),
            "left out 0.jpg: nearly the same photo as 100.jpg, which is under another name (distance 1.23)");
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_TWO_PEOPLE, 2, 3, true),
            "left out 0.jpg and 1.jpg: show another person than 100.jpg, 101.jpg and 102.jpg (distance 1.23)");
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_SAME_PERSON, 1, 2, true),
            "left out 0.jpg: shows the same person as 100.jpg and 101.jpg, under another name (distance 1.23)");
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_UNLIKE_THE_OTHERS, 1, 2, false),
            "look at 0.jpg: unlike 100.jpg and 101.jpg under the same name (distance 1.23)");
}

TEST(FindingTextTest, NamesAFewOfMany) {
  EXPECT_EQ(Text(v1::PHOTO_FINDING_KIND_TWO_PEOPLE, 2, 40, false),
            "look at 0.jpg and 1.jpg: show another person than 100.jpg, 101.jpg, 102.jpg, 103.jpg, 104.jpg and 35 "
            "others (distance 1.23)");
}

}  // namespace
}  // namespace likeness
