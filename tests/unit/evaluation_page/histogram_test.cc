#include "client/evaluation_page/histogram.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

namespace likeness {
namespace {

TEST(HistogramTest, SharesAddUpToWhatHasADistance) {
  const Histogram histogram = HistogramOf({0.2, 0.4, std::numeric_limits<double>::infinity()}, {1, 2});
  ASSERT_EQ(histogram.genuine.size(), 20u);
  EXPECT_NEAR(histogram.bin_width, 0.1, 1e-12);
  EXPECT_NEAR(std::accumulate(histogram.genuine.begin(), histogram.genuine.end(), 0.0), 2.0 / 3, 1e-12);
  EXPECT_NEAR(std::accumulate(histogram.impostor.begin(), histogram.impostor.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(histogram.impostor.back(), 0.5) << "the last bin holds its upper edge";
}

TEST(HistogramTest, HasBinsWithoutAnyDistance) {
  const Histogram histogram = HistogramOf({}, {});
  EXPECT_EQ(histogram.genuine.size(), 20u);
  EXPECT_EQ(histogram.bin_width, 0.05);
}

}  // namespace
}  // namespace likeness
