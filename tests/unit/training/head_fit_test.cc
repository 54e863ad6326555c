#include "server/training/head_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "server/verification/distance.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

constexpr size_t kSize = 12;
constexpr size_t kNoisy = 4;  // the first numbers of an embedding differ between photos of one person

// People who differ in all directions, and whose photos differ in some.
struct People {
  std::vector<std::vector<float>> embeddings;
  std::vector<int> people;
};

People Draw(int people, int photos, uint32_t seed, float offset = 0, float noise = 3) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  People drawn;
  for (int person = 0; person < people; ++person) {
    std::vector<float> face(kSize);
    for (float& number : face) number = normal(random);
    face.back() += offset;
    for (int photo = 0; photo < photos; ++photo) {
      std::vector<float> values = face;
      for (size_t i = 0; i < kNoisy; ++i) values[i] += noise * normal(random);
      float squares = 0;
      for (float value : values) squares += value * value;
      for (float& value : values) value /= std::sqrt(squares);
      drawn.embeddings.push_back(values);
      drawn.people.push_back(person);
    }
  }
  return drawn;
}

// The share of pairs that are out of order: an impostor pair nearer than a genuine one.
double Disorder(const People& drawn, const LinearHead& head) {
  std::vector<double> genuine;
  std::vector<double> impostor;
  for (size_t a = 0; a < drawn.people.size(); ++a) {
    for (size_t b = a + 1; b < drawn.people.size(); ++b) {
      const double distance = EuclideanDistance(head.Apply(drawn.embeddings[a]), head.Apply(drawn.embeddings[b]));
      (drawn.people[a] == drawn.people[b] ? genuine : impostor).push_back(distance);
    }
  }
  std::sort(impostor.begin(), impostor.end());
  double sum = 0;
  for (double distance : genuine) {
    sum += static_cast<double>(std::lower_bound(impostor.begin(), impostor.end(), distance) - impostor.begin());
  }
  return sum / static_cast<double>(genuine.size()) / static_cast<double>(impostor.size());
}

HeadFitter Fitter(const People& people, HeadMethod method, uint64_t seed = 1) {
  return *HeadFitter::Create(people.embeddings, people.people, method, seed);
}

LinearHead Unchanged() {
  std::vector<float> matrix(kSize * kSize);
  for (size_t i = 0; i < kSize; ++i) matrix[i * (kSize + 1)] = 1;
  return *LinearHead::Create(std::vector<float>(kSize), matrix);
}

TEST(HeadFitTest, TellsStrangersApartBetterByWhatPhotosOfOnePersonDifferBy) {
  const People people = Draw(60, 4, 1);
  const People strangers = Draw(40, 3, 2);
  const double before = Disorder(strangers, Unchanged());
  for (HeadMethod method : {HeadMethod::kWccn, HeadMethod::kLda}) {
    const absl::StatusOr<HeadChoice> choice = Fitter(people, method).Choose();
    ASSERT_THAT(choice, IsOk());
    EXPECT_LT(choice->shrinkage, 1);
    EXPECT_LT(choice->error, choice->error_unchanged);
    const absl::StatusOr<LinearHead> head = Fitter(people, method).Fit(*choice);
    ASSERT_THAT(head, IsOk());
    EXPECT_LT(Disorder(strangers, *head), 0.7 * before);
  }
}

TEST(HeadFitTest, SubtractsWhatAllPeopleHaveInCommonWithoutALabel) {
  People people = Draw(40, 2, 3, /*offset=*/6, /*noise=*/0.7);
  const absl::StatusOr<HeadChoice> choice = Fitter(people, HeadMethod::kMean).Choose();
  ASSERT_THAT(choice, IsOk());
  EXPECT_GT(choice->mean_share, 0);
  EXPECT_EQ(choice->shrinkage, 1);
  for (size_t i = 0; i < people.people.size(); ++i) people.people[i] = static_cast<int>(i);  // nobody twice
  const absl::StatusOr<LinearHead> head = Fitter(people, HeadMethod::kMean).Fit({.shrinkage = 1, .mean_share = 1});
  ASSERT_THAT(head, IsOk());
  const People strangers = Draw(40, 2, 4, 6, 0.7);
  EXPECT_LT(Disorder(strangers, *head), Disorder(strangers, Unchanged()));
}

TEST(HeadFitTest, ChangesNothingForFewerThanTenPeople) {
  const People people = Draw(9, 5, 5);
  const absl::StatusOr<HeadChoice> choice = Fitter(people, HeadMethod::kWccn).Choose();
  ASSERT_THAT(choice, IsOk());
  EXPECT_TRUE(choice->changes_nothing());
}

TEST(HeadFitTest, NeverChoosesWhatDoesWorseOnPeopleLeftOut) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    People people = Draw(20, 3, 10 + seed);
    std::shuffle(people.people.begin(), people.people.end(), std::mt19937(seed));
    const absl::StatusOr<HeadChoice> choice = Fitter(people, HeadMethod::kWccn, seed).Choose();
    ASSERT_THAT(choice, IsOk());
    EXPECT_LE(choice->error, choice->error_unchanged);
  }
}

TEST(HeadFitTest, LeavesEachPartOfThePeopleOutOnce) {
  const People people = Draw(13, 2, 6);
  const auto parts = Fitter(people, HeadMethod::kWccn).CrossValidate({.shrinkage = 0.5, .mean_share = 0});
  ASSERT_THAT(parts, IsOk());
  EXPECT_EQ(parts->size(), 5);
  std::multiset<size_t> photos;
  for (const CrossValidated& part : *parts) {
    photos.insert(part.photos.begin(), part.photos.end());
    for (size_t photo : part.photos) {
      const int person = people.people[photo];
      const auto also = std::count_if(part.photos.begin(), part.photos.end(),
                                      [&](size_t other) { return people.people[other] == person; });
      EXPECT_EQ(also, 2) << "all photos of a person are in one part";
    }
  }
  EXPECT_EQ(photos.size(), people.people.size());
  EXPECT_EQ(std::set<size_t>(photos.begin(), photos.end()).size(), people.people.size());
}

TEST(HeadFitTest, RefusesPeopleWithOnePhotoEachUnlessItNeedsNoLabels) {
  const People people = Draw(20, 1, 7);
  EXPECT_THAT(HeadFitter::Create(people.embeddings, people.people, HeadMethod::kWccn, 1).status(),
              FailsWith(Reason::FIELD_INVALID));
  EXPECT_THAT(HeadFitter::Create(people.embeddings, people.people, HeadMethod::kMean, 1).status(), IsOk());
}

}  // namespace
}  // namespace likeness
