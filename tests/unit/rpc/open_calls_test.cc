#include "server/rpc/open_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "absl/time/time.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

// Longer than any of these tests takes, if it passes.
constexpr absl::Duration kLong = absl::Hours(1);

// Drains on a thread of its own.
class Drain {
 public:
  Drain(OpenCalls& calls, absl::Duration limit)
      : thread_([this, &calls, limit] {
          calls.Drain(limit);
          over_ = true;
        }) {
    while (calls.CheckOpen().ok()) std::this_thread::yield();
  }
  ~Drain() { thread_.join(); }
  bool over() const { return over_; }

 private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

TEST(OpenCallsTest, WhatComesAfterTheDrainHasBegunIsRefused) {
  OpenCalls calls;
  EXPECT_THAT(calls.Arrive(), IsOk());
  EXPECT_THAT(calls.CheckOpen(), IsOk());
  const Drain drain(calls, kLong);
  EXPECT_THAT(calls.Arrive(), FailsWith(Reason::SHUTTING_DOWN));
  EXPECT_THAT(calls.CheckOpen(), FailsWith(Reason::SHUTTING_DOWN));
  calls.Leave();
  calls.Leave();
}

TEST(OpenCallsTest, TheDrainLastsUntilTheLastCallHasLeft) {
  OpenCalls calls;
  ASSERT_THAT(calls.Arrive(), IsOk());
  ASSERT_THAT(calls.Arrive(), IsOk());
  const Drain drain(calls, kLong);
  calls.Leave();
  // A call that came meanwhile and has left does not end it either.
  EXPECT_THAT(calls.Arrive(), FailsWith(Reason::SHUTTING_DOWN));
  calls.Leave();
  EXPECT_FALSE(drain.over());
  calls.Leave();
}

TEST(OpenCallsTest, TheDrainGivesUpWhatDoesNotEnd) {
  OpenCalls calls;
  ASSERT_THAT(calls.Arrive(), IsOk());
  calls.Drain(absl::Milliseconds(1));
  EXPECT_THAT(calls.CheckOpen(), FailsWith(Reason::SHUTTING_DOWN));
}

TEST(OpenCallsTest, TheDrainDoesNotWaitForACallThatWaitsForItsCaller) {
  OpenCalls calls;
  ASSERT_THAT(calls.Arrive(), IsOk());
  std::optional<OpenCalls::Aside> waiting(std::in_place, calls);
  calls.Drain(kLong);
  waiting.reset();
  calls.Leave();
}

// gRPC would answer them with CANCELLED.
TEST(OpenCallsTest, TheDrainLastsWhileCallersMayStillCome) {
  OpenCalls calls({.quiet = kLong, .longest = absl::ZeroDuration()});
  const Drain drain(calls, kLong);
  EXPECT_FALSE(drain.over());
  EXPECT_THAT(calls.Arrive(), FailsWith(Reason::SHUTTING_DOWN));
  calls.Leave();
}

}  // namespace
}  // namespace likeness
