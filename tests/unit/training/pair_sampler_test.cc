#include "server/training/pair_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

// Four people with 1, 2, 3 and 10 photos.
const std::vector<int> kPeople = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};

std::vector<FacePair> Draw(uint64_t seed, int epoch, int count) {
  return PairSampler::Create(kPeople, seed)->Draw(epoch, count);
}

TEST(PairSamplerTest, DrawsGenuineAndImpostorPairsInTurn) {
  const std::vector<FacePair> pairs = Draw(/*seed=*/1, /*epoch=*/0, /*count=*/101);
  ASSERT_EQ(pairs.size(), 101u);
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(pairs[i].genuine, i % 2 == 0);
    EXPECT_EQ(pairs[i].genuine, kPeople[pairs[i].a] == kPeople[pairs[i].b]);
    EXPECT_NE(pairs[i].a, pairs[i].b);
  }
}

TEST(PairSamplerTest, DrawsPeopleAlikeHoweverManyPhotosTheyHave) {
  std::map<int, int> genuine;
  std::map<int, int> impostor;
  for (const FacePair& pair : Draw(/*seed=*/1, /*epoch=*/0, /*count=*/6000)) {
    for (size_t photo : {pair.a, pair.b}) ++(pair.genuine ? genuine : impostor)[kPeople[photo]];
  }
  EXPECT_EQ(genuine.count(0), 0u);  // with a single photo
  for (int person : {1, 2, 3}) EXPECT_NEAR(genuine[person], 2000, 150);
  for (int person : {0, 1, 2, 3}) EXPECT_NEAR(impostor[person], 1500, 150);
}

TEST(PairSamplerTest, DrawsEveryPhoto) {
  std::set<size_t> photos;
  for (const FacePair& pair : Draw(/*seed=*/1, /*epoch=*/0, /*count=*/1000)) photos.insert({pair.a, pair.b});
  EXPECT_EQ(photos.size(), kPeople.size());
}

TEST(PairSamplerTest, RepeatsAnEpochAndOnlyThat) {
  EXPECT_EQ(Draw(1, 5, 100), Draw(1, 5, 100));
  EXPECT_NE(Draw(1, 5, 100), Draw(1, 6, 100));
  EXPECT_NE(Draw(1, 5, 100), Draw(2, 5, 100));
}

TEST(PairSamplerTest, RefusesPhotosThatMakeNoPairs) {
  EXPECT_THAT(PairSampler::Create({}, 1).status(), FailsWith(Reason::FIELD_INVALID));
  EXPECT_THAT(PairSampler::Create({4, 4, 4}, 1).status(), FailsWith(Reason::FIELD_INVALID));
  EXPECT_THAT(PairSampler::Create({1, 2, 3}, 1).status(), FailsWith(Reason::FIELD_INVALID));
  EXPECT_THAT(PairSampler::Create({1, 2, 2}, 1), IsOk());
}

}  // namespace
}  // namespace likeness
