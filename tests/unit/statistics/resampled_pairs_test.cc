#include "server/statistics/resampled_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "server/statistics/resampled_figures.h"

namespace likeness {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Counts as a resample would have them in which everybody was drawn once: ten people with a genuine pair each, at 1, 2,
// …, 10, one more that failed, and an impostor pair of neighbours at 5.5, 6.5, … 14.5.
ResampledCounts Once() {
  ResampledCounts counts;
  for (int i = 1; i <= 14; ++i) {
    counts.genuine.push_back(std::min(i, 10));
    counts.impostor.push_back(std::max(0, i - 5));
    counts.genuine.push_back(std::min(i, 10));
    counts.impostor.push_back(std::max(0, i - 4));
  }
  counts.all_genuine = 11;
  counts.all_impostor = 11;
  counts.failed_impostor = 1;
  return counts;
}

TEST(ResampledFiguresTest, MeasureWhatTheCountsSay) {
  const ResampledCounts counts = Once();
  const size_t at_7 = 12;  // edges are 1, 1.5, 2, …
  EXPECT_DOUBLE_EQ(ResampledFalseMatchRate(counts, at_7), 0.2);
  EXPECT_DOUBLE_EQ(ResampledFalseNonMatchRate(counts, at_7), 4.0 / 11);
  EXPECT_DOUBLE_EQ(ResampledAccuracy(counts, at_7), (7 + 8) / 22.0);
  EXPECT_DOUBLE_EQ(ResampledFalseNonMatchRateAt(counts, 0.2), 4.0 / 11);
  EXPECT_DOUBLE_EQ(ResampledFalseNonMatchRateAt(counts, 0.05), 6.0 / 11) << "up to 5, below the first at 5.5";
  EXPECT_DOUBLE_EQ(ResampledBestAccuracy(counts), 15 / 22.0);
}

TEST(ResampledFiguresTest, AreNoNumbersWithoutAKindOfPairs) {
  ResampledCounts counts = Once();
  counts.all_genuine = 0;
  EXPECT_NE(ResampledEqualErrorRate(counts), ResampledEqualErrorRate(counts));
  EXPECT_NE(ResampledAreaUnderRoc(counts), ResampledAreaUnderRoc(counts));
  EXPECT_NE(ResampledFalseNonMatchRateAt(counts, 0.1), ResampledFalseNonMatchRateAt(counts, 0.1));
  EXPECT_NE(ResampledFalseNonMatchRate(counts, 0), ResampledFalseNonMatchRate(counts, 0));
}

TEST(ChooseEdgesTest, TakesEveryDistanceWhereTheyAreFew) {
  EXPECT_THAT(ChooseEdges({{1, 2, kInfinity}, {2, 3}}, {2.5}, 8), ElementsAre(1, 2, 2.5, 3));
}

TEST(ChooseEdgesTest, HoldsAllOfManyDistancesInFewEdges) {
  PairDistances distances;
  for (int i = 0; i < 100000; ++i) {
    distances.genuine.push_back(i);
    distances.impostor.push_back(50000 + i);
  }
  const std::vector<double> edges = ChooseEdges(distances, {77.5}, 1000);
  EXPECT_LE(edges.size(), 1010u);
  EXPECT_GE(edges.size(), 500u);
  EXPECT_EQ(edges.back(), 149999);
  EXPECT_TRUE(std::binary_search(edges.begin(), edges.end(), 77.5));
  EXPECT_TRUE(std::binary_search(edges.begin(), edges.end(), 50000)) << "the nearest impostor pair";
}

TEST(ResampledPairsTest, DrawsAsManyPeopleAsThereAreEachTime) {
  PeoplePairs pairs{.pairs = {}, .people = 30};
  for (uint32_t person = 0; person < 30; ++person) pairs.pairs.push_back({1.0 + person % 3, person, person});
  const ResampledPairs resampled(pairs, {1, 2, 3}, 50, /*seed=*/3);
  for (size_t i = 0; i < resampled.resamples(); ++i) EXPECT_EQ(resampled.Counts(i).all_genuine, 30);
}

TEST(ResampledPairsTest, WeighsAnImpostorPairByTheProductOfItsPeople) {
  // Two people, one pair: of the four equally likely draws two hold both.
  const PeoplePairs pairs{.pairs = {{1, 0, 1}, {-kInfinity, 0, 1}, {2, 0, 0}}, .people = 2};
  const ResampledPairs resampled(pairs, {1, 2}, 1000, /*seed=*/1);
  int both = 0;
  for (size_t i = 0; i < resampled.resamples(); ++i) {
    const ResampledCounts counts = resampled.Counts(i);
    EXPECT_EQ(counts.failed_impostor, counts.impostor[0]) << "the failed pair is of the same people";
    EXPECT_EQ(counts.impostor[0] == 1, counts.genuine[1] == 1) << "both once, or person 0 twice or not at all";
    both += counts.impostor[0] == 1 ? 1 : 0;
  }
  EXPECT_NEAR(both, 500, 80);
}

TEST(ResampledPairsTest, IsTheSameForTheSameSeed) {
  const PeoplePairs pairs = AllPairs({0, 1, 2, 3, 3}, 4);
  const ResampledPairs a(pairs, {0}, 20, 7);
  const ResampledPairs b(pairs, {0}, 20, 7);
  const ResampledPairs other(pairs, {0}, 20, 8);
  bool differs = false;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(a.Counts(i).impostor, b.Counts(i).impostor);
    differs |= a.Counts(i).impostor != other.Counts(i).impostor;
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace likeness
