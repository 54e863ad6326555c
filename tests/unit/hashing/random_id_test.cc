#include "server/hashing/random_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace likeness {
namespace {

TEST(RandomIdTest, IsThirtyTwoHexDigitsAndNeverTheSame) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(RandomId());
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_THAT(ids, testing::Each(testing::MatchesRegex("[0-9a-f]{32}")));
}

}  // namespace
}  // namespace likeness
