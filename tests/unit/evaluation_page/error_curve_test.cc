#include "client/evaluation_page/error_curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace likeness {
namespace {

using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ErrorCurveTest, CountsBothErrorsAtAThreshold) {
  const ErrorPoint point = ErrorsAt({0.1, 0.5, 0.9, kInfinity}, {0.5, 0.8}, 0.5);
  EXPECT_EQ(point.false_non_match_rate, 0.5);
  EXPECT_EQ(point.false_match_rate, 0.5) << "a pair at the threshold is verified";
}

TEST(ErrorCurveTest, HasEveryDistanceOfAFew) {
  const std::vector<ErrorPoint> curve = ErrorCurve({0.1, 0.5, kInfinity}, {0.5, 0.8});
  ASSERT_EQ(curve.size(), 3u);
  EXPECT_EQ(curve[0].threshold, 0.1);
  EXPECT_EQ(curve[2].threshold, 0.8);
  EXPECT_EQ(curve[2].false_match_rate, 1);
  EXPECT_NEAR(curve[2].false_non_match_rate, 1.0 / 3, 1e-12) << "the failed pair is never verified";
}

TEST(ErrorCurveTest, IsShortForManyPairsAndKeepsTheNearestImpostorPairs) {
  std::vector<double> genuine, impostor;
  for (int i = 0; i < 100000; ++i) {
    genuine.push_back(i * 1e-5);
    impostor.push_back(0.5 + i * 1e-5);
  }
  const std::vector<ErrorPoint> curve = ErrorCurve(genuine, impostor, 200);
  EXPECT_LE(curve.size(), 200u);
  EXPECT_GE(curve.size(), 100u);
  double last = -1;
  bool has_single_match = false;
  for (const ErrorPoint& point : curve) {
    EXPECT_GE(point.false_match_rate, last);
    last = point.false_match_rate;
    has_single_match |= point.false_match_rate == 1e-5;
  }
  EXPECT_TRUE(has_single_match);
}

TEST(ErrorCurveTest, IsEmptyWithoutAKindOfPairs) {
  EXPECT_THAT(ErrorCurve({}, {1}), IsEmpty());
  EXPECT_THAT(ErrorCurve({1}, {}), IsEmpty());
}

}  // namespace
}  // namespace likeness
