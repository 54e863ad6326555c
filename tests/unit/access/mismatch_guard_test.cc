#include "server/access/mismatch_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

class MismatchGuardTest : public testing::Test {
 protected:
  // A face that is not the person's; whether it was looked at.
  bool Guess(const std::string& person) {
    if (!guard_.Check(person).ok()) return false;
    guard_.Note(person, /*matched=*/false);
    return true;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  MismatchGuard guard_{{.free = 3, .delay = absl::Seconds(1), .longest = absl::Seconds(60)}, [this] { return now_; }};
};

TEST_F(MismatchGuardTest, MakesEachGuessAfterTheFreeOnesWaitTwiceAsLong) {
  for (int guess = 0; guess < 3; ++guess) EXPECT_TRUE(Guess("ada"));
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const absl::Status refused = guard_.Check("ada");
    EXPECT_THAT(refused, FailsWith(Reason::TOO_MANY_MISMATCHES));
    EXPECT_EQ(RetryAfterOf(refused), absl::Seconds(seconds));
    now_ += absl::Seconds(seconds);
    EXPECT_TRUE(Guess("ada")) << seconds;
  }
}

TEST_F(MismatchGuardTest, StartsAnewAfterAMatch) {
  for (int guess = 0; guess < 3; ++guess) EXPECT_TRUE(Guess("ada"));
  now_ += absl::Seconds(1);
  EXPECT_THAT(guard_.Check("ada"), IsOk());
  guard_.Note("ada", /*matched=*/true);
  for (int guess = 0; guess < 3; ++guess) EXPECT_TRUE(Guess("ada"));
  EXPECT_FALSE(Guess("ada"));
}

TEST_F(MismatchGuardTest, LetsNobodyGuessManyAtOnce) {
  for (int guess = 0; guess < 3; ++guess) EXPECT_TRUE(Guess("ada"));
  now_ += absl::Seconds(1);
  EXPECT_THAT(guard_.Check("ada"), IsOk());
  EXPECT_THAT(guard_.Check("ada"), FailsWith(Reason::TOO_MANY_MISMATCHES))
      << "the first one's verdict is not there yet";
}

TEST_F(MismatchGuardTest, SlowsDownNobodyElse) {
  for (int guess = 0; guess < 4; ++guess) Guess("ada");
  EXPECT_TRUE(Guess("bob"));
}

TEST_F(MismatchGuardTest, ForgetsAfterAnHour) {
  for (int guess = 0; guess < 4; ++guess) Guess("ada");
  now_ += absl::Minutes(61);
  for (int guess = 0; guess < 3; ++guess) EXPECT_TRUE(Guess("ada"));
  EXPECT_FALSE(Guess("ada"));
}

TEST(MismatchGuardOffTest, SlowsDownNobody) {
  MismatchGuard guard({}, [] { return absl::FromUnixSeconds(0); });
  for (int guess = 0; guess < 1000; ++guess) {
    EXPECT_THAT(guard.Check("ada"), IsOk());
    guard.Note("ada", /*matched=*/false);
  }
}

}  // namespace
}  // namespace likeness
