#include "client/training/roc.h"

#include "gtest/gtest.h"

namespace likeness {
namespace {

v1::Evaluation Counted(const std::vector<int>& genuine, const std::vector<int>& impostor) {
  v1::Evaluation evaluation;
  for (const int count : genuine) evaluation.add_genuine_histogram(count);
  for (const int count : impostor) evaluation.add_impostor_histogram(count);
  return evaluation;
}

TEST(RocTest, CountsWhatLiesBelowEachEdge) {
  const std::vector<RocPoint> roc = RocOf(Counted({3, 1, 0, 0}, {0, 1, 2, 1}));
  const RocPoint expected[] = {{0, 0}, {0, 0.75}, {0.25, 1}, {0.75, 1}, {1, 1}};
  ASSERT_EQ(roc.size(), std::size(expected));
  for (size_t i = 0; i < roc.size(); ++i) {
    EXPECT_EQ(roc[i].false_match_rate, expected[i].false_match_rate) << i;
    EXPECT_EQ(roc[i].true_match_rate, expected[i].true_match_rate) << i;
  }
}

TEST(RocTest, TakesHistogramsOfDifferentLengths) {
  const std::vector<RocPoint> roc = RocOf(Counted({2}, {0, 1}));
  ASSERT_EQ(roc.size(), 3u);
  EXPECT_EQ(roc[1].true_match_rate, 1);
  EXPECT_EQ(roc[2].true_match_rate, 1);
  EXPECT_EQ(roc[2].false_match_rate, 1);
}

TEST(RocTest, IsEmptyWithoutPairsOfAKind) {
  EXPECT_TRUE(RocOf(Counted({}, {1})).empty());
  EXPECT_TRUE(RocOf(Counted({1}, {0})).empty());
}

}  // namespace
}  // namespace likeness
