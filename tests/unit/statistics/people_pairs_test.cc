#include "server/statistics/people_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(PeoplePairsTest, PairsEveryPhotoWithEveryLaterOne) {
  const PeoplePairs pairs = AllPairs({0, 0, 1}, 2);
  ASSERT_EQ(pairs.pairs.size(), 3u);
  EXPECT_EQ(pairs.people, 2u);
  EXPECT_TRUE(pairs.pairs[0].genuine());
  EXPECT_FALSE(pairs.pairs[1].genuine());
  EXPECT_FALSE(pairs.pairs[2].genuine());
  EXPECT_THAT(AllPairs({}, 0).pairs, IsEmpty());
  EXPECT_THAT(AllPairs({0}, 1).pairs, IsEmpty());
}

TEST(PeoplePairsTest, SortsDistancesAndLeavesOutImpostorPairsWithoutOne) {
  const PairDistances distances = SortedDistances(
      {.pairs = {{kInfinity, 0, 0}, {0.5, 1, 1}, {1.5, 0, 1}, {-kInfinity, 0, 1}, {1.25, 1, 2}}, .people = 3});
  EXPECT_THAT(distances.genuine, ElementsAre(0.5, kInfinity));
  EXPECT_THAT(distances.impostor, ElementsAre(1.25, 1.5));
}

}  // namespace
}  // namespace likeness
