#include "client/evaluation/rate_text.h"

#include <gtest/gtest.h>

namespace likeness {
namespace {

TEST(RateTextTest, GivesARateAndItsIntervalInAsManyDigits) {
  EXPECT_EQ(RateText(0.0044, {0.0001, 0.0126}), "0.44 % [0.01, 1.26]");
  EXPECT_EQ(RateText(0.000822, {0.000633, 0.0011}), "0.0822 % [0.0633, 0.1100]");
  EXPECT_EQ(RateText(0, {0, 0.02}), "0.00 % [0.00, 2.00]");
  EXPECT_EQ(RateText(0), "0.00 %");
  EXPECT_EQ(RateText(0.001), "0.10 %");
  EXPECT_EQ(RateText(0.00099), "0.0990 %");
}

TEST(RateTextTest, BoundsAFalseMatchRateOfNoneByItsPairs) {
  EXPECT_EQ(FalseMatchRateText({0, {0, 0}}, 10000), "0.0000 % [0.0000, 0.0300]");
  EXPECT_EQ(FalseMatchRateText({0.01, {0, 0.02}}, 300), "1.00 % [0.00, 2.00]");
}

}  // namespace
}  // namespace likeness
