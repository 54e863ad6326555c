#include "server/access/call_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

class CallRatesTest : public testing::Test {
 protected:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  CallRates rates_{[this] { return now_; }};
};

TEST_F(CallRatesTest, LetsThroughWhatOneSecondAllowsThenNoFasterThanTheRate) {
  for (int call = 0; call < 5; ++call) EXPECT_THAT(rates_.Take("kiosk", 5), IsOk());
  const absl::Status refused = rates_.Take("kiosk", 5);
  EXPECT_THAT(refused, FailsWith(Reason::RATE_LIMITED));
  EXPECT_EQ(RetryAfterOf(refused), absl::Milliseconds(200));
  now_ += absl::Milliseconds(200);
  EXPECT_THAT(rates_.Take("kiosk", 5), IsOk());
  EXPECT_THAT(rates_.Take("kiosk", 5), FailsWith(Reason::RATE_LIMITED));
}

TEST_F(CallRatesTest, ComesBackAfterTheTimeItSaid) {
  EXPECT_THAT(rates_.Take("slow", 0.1), IsOk()) << "a rate below one a second still allows one call";
  const absl::Status refused = rates_.Take("slow", 0.1);
  EXPECT_EQ(RetryAfterOf(refused), absl::Seconds(10));
  now_ += *RetryAfterOf(refused);
  EXPECT_THAT(rates_.Take("slow", 0.1), IsOk());
}

TEST_F(CallRatesTest, KeepsCallersApart) {
  EXPECT_THAT(rates_.Take("a", 1), IsOk());
  EXPECT_THAT(rates_.Take("b", 1), IsOk());
  EXPECT_THAT(rates_.Take("a", 1), FailsWith(Reason::RATE_LIMITED));
}

TEST_F(CallRatesTest, SavesUpNoMoreThanASecond) {
  EXPECT_THAT(rates_.Take("kiosk", 2), IsOk());
  now_ += absl::Hours(1);
  EXPECT_THAT(rates_.Take("kiosk", 2), IsOk());
  EXPECT_THAT(rates_.Take("kiosk", 2), IsOk());
  EXPECT_THAT(rates_.Take("kiosk", 2), FailsWith(Reason::RATE_LIMITED));
}

// Addresses are as many as an attacker likes.
TEST_F(CallRatesTest, RemembersWhoIsLimitedAmongManyWhoAreNot) {
  EXPECT_THAT(rates_.Take("busy", 0.001), IsOk());
  for (int caller = 0; caller < 10'000; ++caller) {
    now_ += absl::Milliseconds(10);
    EXPECT_THAT(rates_.Take("caller " + std::to_string(caller), 100), IsOk());
  }
  EXPECT_THAT(rates_.Take("busy", 0.001), FailsWith(Reason::RATE_LIMITED));
}

TEST_F(CallRatesTest, DoesNotStopWhenTheClockIsSetBack) {
  EXPECT_THAT(rates_.Take("kiosk", 1), IsOk());
  now_ -= absl::Hours(1);
  EXPECT_THAT(rates_.Take("kiosk", 1), FailsWith(Reason::RATE_LIMITED));
  now_ += absl::Seconds(1);
  EXPECT_THAT(rates_.Take("kiosk", 1), IsOk());
}

}  // namespace
}  // namespace likeness
