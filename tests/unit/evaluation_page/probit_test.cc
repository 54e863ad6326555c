#include "client/evaluation_page/probit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace likeness {
namespace {

TEST(ProbitTest, IsTheInverseOfTheNormalDistribution) {
  for (double share : {1e-9, 1e-6, 1e-3, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999, 1 - 1e-9}) {
    EXPECT_NEAR(std::erfc(-Probit(share) / std::sqrt(2.0)) / 2, share, 1e-11) << share;
  }
  EXPECT_NEAR(Probit(0.975), 1.959963984540054, 1e-10);
}

TEST(ProbitTest, IsInfiniteAtTheEnds) {
  EXPECT_TRUE(std::isinf(Probit(0)) && Probit(0) < 0);
  EXPECT_TRUE(std::isinf(Probit(1)) && Probit(1) > 0);
}

}  // namespace
}  // namespace likeness
