#include "server/trainings/bad_photos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "server/errors/errors.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;

// Two photos each of two people who are trained on and of two strangers; the photo before them was rejected.
std::vector<TrainingFace> FourPeople() {
  std::vector<TrainingFace> faces;
  for (int photo = 0; photo < 8; ++photo) {
    faces.push_back({.photo_index = photo + 1, .person = photo / 2, .stranger = photo >= 4, .crop = {}});
  }
  return faces;
}

PhotoFinding Finding(std::vector<size_t> photos, bool left_out) {
  return {PhotoFault::kTwoPeople, std::move(photos), {0}, 1.25, left_out};
}

std::vector<int> NumbersOf(const std::vector<TrainingFace>& faces) {
  std::vector<int> numbers;
  for (const TrainingFace& face : faces) numbers.push_back(face.photo_index);
  return numbers;
}

TEST(BadPhotosTest, LeavesOutPhotosAndCountsWhoIsLeft) {
  v1::TrainingData data;
  const auto kept = LeaveOutBadPhotos(FourPeople(), {Finding({3, 4, 5}, true)}, data);
  ASSERT_THAT(kept, IsOk());
  EXPECT_THAT(NumbersOf(*kept), ElementsAre(1, 2, 3, 7, 8));
  EXPECT_EQ(data.left_out_photos(), 3);
  EXPECT_EQ(data.accepted_photos(), 5);
  EXPECT_EQ(data.people(), 2);
  EXPECT_EQ(data.strangers(), 1);
  EXPECT_EQ(data.people_with_one_photo(), 1);
  ASSERT_EQ(data.findings_size(), 1);
  EXPECT_EQ(data.findings(0).kind(), v1::PHOTO_FINDING_KIND_TWO_PEOPLE);
  EXPECT_THAT(data.findings(0).photos(), ElementsAre(4, 5, 6)) << "numbers in the stream";
  EXPECT_THAT(data.findings(0).compared_with(), ElementsAre(1));
  EXPECT_EQ(data.findings(0).distance(), 1.25);
}

TEST(BadPhotosTest, KeepsPhotosThatAreOnlyWarnedOf) {
  v1::TrainingData data;
  const auto kept = LeaveOutBadPhotos(FourPeople(), {Finding({3}, false)}, data);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->size(), 8u);
  EXPECT_EQ(data.left_out_photos(), 0);
  EXPECT_FALSE(data.findings(0).left_out());
}

TEST(BadPhotosTest, SaysTheSameWhenItIsDoneAgainAfterARestart) {
  v1::TrainingData data;
  ASSERT_THAT(LeaveOutBadPhotos(FourPeople(), {Finding({3}, true)}, data), IsOk());
  const std::string once = data.SerializeAsString();
  ASSERT_THAT(LeaveOutBadPhotos(FourPeople(), {Finding({3}, true)}, data), IsOk());
  EXPECT_EQ(data.SerializeAsString(), once);
}

// A layer that only subtracts the mean needs no labels.
TEST(BadPhotosTest, WantsNoPairsWhereThereWereNone) {
  std::vector<TrainingFace> faces = FourPeople();
  for (int i = 0; i < 8; ++i) faces[static_cast<size_t>(i)].person = i;
  v1::TrainingData data;
  EXPECT_THAT(LeaveOutBadPhotos(faces, {Finding({3}, true)}, data), IsOk());
}

TEST(BadPhotosTest, FailsWhereNothingIsLeftToTrainOn) {
  v1::TrainingData data;
  EXPECT_EQ(ReasonOf(LeaveOutBadPhotos(FourPeople(), {Finding({1, 3}, true)}, data).status()),
            Reason::TRAINING_DATA_TOO_SMALL)
      << "nobody with two photos";
  EXPECT_EQ(ReasonOf(LeaveOutBadPhotos(FourPeople(), {Finding({2, 3}, true)}, data).status()),
            Reason::TRAINING_DATA_TOO_SMALL)
      << "one person";
  EXPECT_EQ(data.findings_size(), 1) << "which are told nevertheless";
}

}  // namespace
}  // namespace likeness
