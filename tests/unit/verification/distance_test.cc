#include "server/verification/distance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace likeness {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(EuclideanDistanceTest, IsTheLengthOfTheDifference) {
  EXPECT_DOUBLE_EQ(EuclideanDistance({0, 0}, {3, 4}), 5);
  EXPECT_DOUBLE_EQ(EuclideanDistance({1, 2, 3}, {1, 2, 3}), 0);
  EXPECT_DOUBLE_EQ(EuclideanDistance({1, 0}, {-1, 0}), 2);
}

TEST(EuclideanDistanceTest, IsTheSameBothWays) {
  const std::vector<float> a = {0.25f, -3, 7.5f}, b = {9, 0.125f, -2};
  EXPECT_EQ(EuclideanDistance(a, b), EuclideanDistance(b, a));
}

TEST(EuclideanDistanceTest, DoesNotOverflowForTheLargestFloats) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_DOUBLE_EQ(EuclideanDistance({largest}, {-largest}), 2.0 * static_cast<double>(largest));
}

TEST(EuclideanDistanceTest, KeepsSmallDifferencesOfManyElements) {
  // 512 differences of 2⁻²⁰: √512 · 2⁻²⁰. Sums in float would lose most of them beside 1.
  const std::vector<float> a(512, 1.0f), b(512, 1.0f + std::ldexp(1.0f, -20));
  EXPECT_NEAR(EuclideanDistance(a, b), std::sqrt(512.0) * std::ldexp(1.0, -20), 1e-12);
}

TEST(EuclideanDistanceTest, IsNotANumberWhenAnElementIsNone) {
  EXPECT_TRUE(std::isnan(EuclideanDistance({kNan, 0}, {0, 0})));
  EXPECT_TRUE(std::isnan(EuclideanDistance({0, 0}, {0, kNan})));
  EXPECT_TRUE(std::isnan(EuclideanDistance({kInfinity}, {kInfinity})));
  EXPECT_EQ(EuclideanDistance({kInfinity}, {0}), static_cast<double>(kInfinity));
}

}  // namespace
}  // namespace likeness
