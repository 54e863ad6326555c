#include <numeric>
#include <vector>

#include "client/bench/latency.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(SummarizeTest, TakesPercentilesByNearestRank) {
  std::vector<double> latencies(1000);
  std::iota(latencies.rbegin(), latencies.rend(), 1);  // 1000 to 1
  const LatencySummary summary = Summarize(latencies);
  EXPECT_EQ(summary.count, 1000);
  EXPECT_EQ(summary.p50, 500);
  EXPECT_EQ(summary.p90, 900);
  EXPECT_EQ(summary.p99, 990);
  EXPECT_EQ(summary.max, 1000);
}

TEST(SummarizeTest, RoundsRanksUp) {
  const LatencySummary summary = Summarize({1, 2, 3});
  EXPECT_EQ(summary.p50, 2);
  EXPECT_EQ(summary.p90, 3);
  EXPECT_EQ(summary.p99, 3);
}

TEST(SummarizeTest, OneOrNoLatencyIsNoSpecialCase) {
  EXPECT_EQ(Summarize({7}).p50, 7);
  EXPECT_EQ(Summarize({7}).max, 7);
  EXPECT_EQ(Summarize({}).count, 0);
  EXPECT_EQ(Summarize({}).p99, 0);
}

}  // namespace
}  // namespace likeness
