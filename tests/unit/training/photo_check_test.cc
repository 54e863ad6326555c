#include "server/training/photo_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "server/training/average_linkage.h"
#include "tests/support/unit_vectors.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kSize = 128;

// People are directions at random, about 1.41 apart; a person's photos lie around theirs.
class People {
 public:
  int AddPerson(int photos, double spread = 0.3) {
    const std::vector<float> center = Direction();
    const int person = people_++;
    for (int i = 0; i < photos; ++i) AddPhoto(person, center, spread);
    return person;
  }
  // Of somebody else under the same name.
  void AddStranger(int person, int photos, double spread = 0.3) {
    const std::vector<float> center = Direction();
    for (int i = 0; i < photos; ++i) AddPhoto(person, center, spread);
  }
  // Of the face of a photo under another name.
  void AddNear(int person, size_t photo, double distance) { AddPhoto(person, embeddings[photo], distance); }

  std::vector<PhotoFinding> Findings() const { return FindBadPhotos(embeddings, people, base); }

  std::vector<std::vector<float>> embeddings;
  std::vector<int> people;
  BundleManifest base = Measured();

 private:
  // As the default network: t = 1.03 at 1e-3 and 0.93 at 5e-5.
  static BundleManifest Measured() {
    BundleManifest manifest;
    for (const auto& [fmr, distance] : {std::pair{5e-5, 0.93}, {1e-3, 1.03}}) {
      OperatingPoint& point = manifest.operating_points.emplace_back();
      point.fmr = fmr;
      point.distance = distance;
      point.impostor_pairs = 1'000'000;
    }
    return manifest;
  }

  std::vector<float> Direction() { return RandomUnitVector(kSize, random_); }

  void AddPhoto(int person, const std::vector<float>& center, double spread) {
    embeddings.push_back(UnitVectorNear(center, static_cast<float>(spread / std::sqrt(kSize)), random_));
    people.push_back(person);
  }

  std::mt19937 random_{7};
  int people_ = 0;
};

People EightPeople() {
  People people;
  for (int i = 0; i < 8; ++i) people.AddPerson(5);
  return people;
}

TEST(PhotoCheckTest, FindsNothingWhereNothingIsWrong) { EXPECT_THAT(EightPeople().Findings(), IsEmpty()); }

TEST(PhotoCheckTest, LeavesOutTheLaterOfTwoEqualPhotos) {
  People people = EightPeople();
  people.AddNear(3, 16, 0.05);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kDuplicate);
  EXPECT_THAT(findings[0].photos, ElementsAre(40));
  EXPECT_THAT(findings[0].compared_with, ElementsAre(16));
  EXPECT_NEAR(findings[0].distance, 0.05, 0.01);
  EXPECT_TRUE(findings[0].left_out);
}

TEST(PhotoCheckTest, OfAPhotoUnderTwoNamesLeavesOutTheOneThatIsWrongThere) {
  People people = EightPeople();
  people.AddNear(6, 16, 0.05);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kDuplicateOfAnotherPerson);
  EXPECT_THAT(findings[0].photos, ElementsAre(40));
  EXPECT_THAT(findings[0].compared_with, ElementsAre(16));
}

TEST(PhotoCheckTest, LeavesOutBothOfAPhotoUnderTwoNamesWhereNobodyCanTell) {
  People people = EightPeople();
  people.AddPerson(1);
  const int other = people.AddPerson(0);
  people.AddNear(other, 40, 0.05);
  EXPECT_THAT(people.Findings(), SizeIs(2));
}

TEST(PhotoCheckTest, LeavesOutTheSmallerPartOfTwoPeopleUnderOneName) {
  People people = EightPeople();
  people.AddStranger(2, 3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kTwoPeople);
  EXPECT_THAT(findings[0].photos, ElementsAre(40, 41, 42));
  EXPECT_THAT(findings[0].compared_with, ElementsAre(10, 11, 12, 13, 14));
  EXPECT_TRUE(findings[0].left_out);
}

TEST(PhotoCheckTest, FindsThreePeopleUnderOneName) {
  People people = EightPeople();
  people.AddStranger(2, 3);
  people.AddStranger(2, 2);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].fault, PhotoFault::kTwoPeople);
  EXPECT_EQ(findings[1].fault, PhotoFault::kTwoPeople);
}

// As a child and grown up: no pair matches, and yet they are nearer to each other than to anybody else.
TEST(PhotoCheckTest, KeepsTwoLooksOfOnePersonThatDoNotMatchButAreNearerThanStrangers) {
  People people = EightPeople();
  const int person = people.AddPerson(3, 0.2);
  const size_t first = people.embeddings.size() - 3;
  people.AddNear(person, first, 2.6);
  const size_t changed = people.embeddings.size() - 1;
  people.AddNear(person, changed, 0.25);
  EXPECT_THAT(people.Findings(), IsEmpty());
}

TEST(PhotoCheckTest, OnlyWarnsOfASinglePhotoThatIsUnlikeTheOthers) {
  People people = EightPeople();
  people.AddStranger(2, 1);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kUnlikeTheOthers);
  EXPECT_THAT(findings[0].photos, ElementsAre(40));
  EXPECT_FALSE(findings[0].left_out);
}

TEST(PhotoCheckTest, LeavesOutASinglePhotoThatMatchesAnotherPerson) {
  People people = EightPeople();
  people.AddNear(2, 0, 0.3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kSamePerson);
  EXPECT_THAT(findings[0].photos, ElementsAre(40));
  EXPECT_THAT(findings[0].compared_with, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(findings[0].left_out);
}

TEST(PhotoCheckTest, LeavesOutTheFewerPhotosOfAPersonUnderTwoNames) {
  People people = EightPeople();
  const int again = people.AddPerson(0);
  for (int i = 0; i < 3; ++i) people.AddNear(again, 16, 0.3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kSamePerson);
  EXPECT_THAT(findings[0].photos, ElementsAre(40, 41, 42));
  EXPECT_THAT(findings[0].compared_with, ElementsAre(15, 16, 17, 18, 19));
}

// Pairs of one person's photos that do not match show that the model hardly knows such faces.
TEST(PhotoCheckTest, OnlyWarnsOfManyPairsOfPeopleWhereTheModelDoesNotKnowTheOthersEither) {
  People people;
  for (int i = 0; i < 4; ++i) people.AddPerson(5);
  for (int i = 0; i < 8; ++i) people.AddPerson(4, 1.2);
  for (int person = 0; person < 4; ++person) people.AddStranger(person, 3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(4));
  for (const PhotoFinding& finding : findings) {
    EXPECT_EQ(finding.fault, PhotoFault::kTwoPeople);
    EXPECT_FALSE(finding.left_out);
  }
}

TEST(PhotoCheckTest, LeavesOutManyWhereTheModelKnowsTheOthers) {
  People people = EightPeople();
  for (int person = 0; person < 4; ++person) people.AddStranger(person, 3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(4));
  for (const PhotoFinding& finding : findings) {
    EXPECT_EQ(finding.fault, PhotoFault::kTwoPeople);
    EXPECT_TRUE(finding.left_out);
  }
}

TEST(PhotoCheckTest, OnlyWarnsOfTwoPeopleWhereThereIsHardlyAnybodyToCompareWith) {
  People people;
  people.AddPerson(5);
  people.AddPerson(5);
  people.AddStranger(1, 3);
  const std::vector<PhotoFinding> findings = people.Findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].fault, PhotoFault::kTwoPeople);
  EXPECT_FALSE(findings[0].left_out);
}

TEST(PhotoCheckTest, FindsNothingByAModelWhoseDistancesWereNeverMeasured) {
  People people = EightPeople();
  people.AddNear(6, 16, 0.05);
  people.base.operating_points.clear();
  EXPECT_THAT(people.Findings(), IsEmpty());
}

TEST(AverageLinkageTest, PutsTheLargerPartFirstAndKeepsTheOrder) {
  const std::vector<double> places = {0, 9, 1, 10, 2};
  const auto [more, fewer] =
      DivideInTwo({0, 1, 2, 3, 4}, [&](size_t a, size_t b) { return std::abs(places[a] - places[b]); });
  EXPECT_THAT(more, ElementsAre(0, 2, 4));
  EXPECT_THAT(fewer, ElementsAre(1, 3));
}

TEST(AverageLinkageTest, OfEqualPartsTheOneWithTheFirstItemComesFirst) {
  const std::vector<double> places = {9, 0, 10, 1};
  const auto [more, fewer] =
      DivideInTwo({0, 1, 2, 3}, [&](size_t a, size_t b) { return std::abs(places[a] - places[b]); });
  EXPECT_THAT(more, ElementsAre(0, 2));
  EXPECT_THAT(fewer, ElementsAre(1, 3));
}

}  // namespace
}  // namespace likeness
