#include <chrono>
#include <vector>

#include "client/bench/schedule.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(ScheduleTest, SpacesCallsEvenly) {
  Schedule schedule(250, Arrivals::kEven);
  EXPECT_EQ(schedule.Next(), milliseconds(0));
  EXPECT_EQ(schedule.Next(), milliseconds(4));
  EXPECT_EQ(schedule.Next(), milliseconds(8));
}

TEST(ScheduleTest, DoesNotDriftFromARateThatHasNoExactGap) {
  Schedule schedule(3, Arrivals::kEven);
  nanoseconds last{0};
  for (int i = 0; i <= 3'000'000; ++i) last = schedule.Next();
  EXPECT_EQ(last, seconds(1'000'000));
}

// The gaps of a Poisson process have a mean of 1 / rate and, as exponential ones do, the same standard deviation. Of
// 100,000 gaps both are within 1 % (three standard errors).
TEST(ScheduleTest, IndependentCallersComeWithExponentialGaps) {
  constexpr int kCalls = 100'000;
  Schedule schedule(200, Arrivals::kPoisson);
  double last = 0, sum = 0, sum_of_squares = 0;
  for (int i = 0; i < kCalls; ++i) {
    const double now = duration<double>(schedule.Next()).count();
    ASSERT_GE(now, last);
    sum += now - last;
    sum_of_squares += (now - last) * (now - last);
    last = now;
  }
  const double mean = sum / kCalls;
  EXPECT_NEAR(mean, 0.005, 0.00005);
  EXPECT_NEAR(sum_of_squares / kCalls - mean * mean, 0.005 * 0.005, 0.02 * 0.005 * 0.005);
}

TEST(ScheduleTest, TheSameSeedGivesTheSameTimes) {
  Schedule a(10, Arrivals::kPoisson, 7), b(10, Arrivals::kPoisson, 7), c(10, Arrivals::kPoisson, 8);
  const nanoseconds first = a.Next();
  EXPECT_EQ(b.Next(), first);
  EXPECT_NE(c.Next(), first);
}

// Time that passes only while somebody waits for it, or works.
struct FakeTime {
  SteadyTime now = SteadyTime(seconds(1000));
  Clock clock() {
    return {[this] { return now; }, [this](SteadyTime time) { now = time; }};
  }
};

TEST(SendWhenDueTest, SendsEachCallAtItsTimeUntilTheEnd) {
  FakeTime time;
  const SteadyTime start = time.now;
  std::vector<int64_t> sent;
  SendWhenDue(Schedule(10, Arrivals::kEven), start, start + milliseconds(400), time.clock(), [&](SteadyTime due) {
    EXPECT_EQ(due, time.now);
    sent.push_back(duration_cast<milliseconds>(due - start).count());
    return true;
  });
  EXPECT_THAT(sent, ElementsAre(0, 100, 200, 300));
}

// The second send blocks for 250 ms, as on a full socket. The calls behind it are sent at once, all of them, and each
// knows when it was due: counted from then, their latencies show the stall.
TEST(SendWhenDueTest, LeavesOutNoCallAfterAStallAndKeepsTheirDueTimes) {
  FakeTime time;
  const SteadyTime start = time.now;
  std::vector<int64_t> delays;
  SendWhenDue(Schedule(10, Arrivals::kEven), start, start + milliseconds(600), time.clock(), [&](SteadyTime due) {
    delays.push_back(duration_cast<milliseconds>(time.now - due).count());
    if (delays.size() == 2) time.now += milliseconds(250);
    return true;
  });
  EXPECT_THAT(delays, ElementsAre(0, 0, 150, 50, 0, 0));
}

TEST(SendWhenDueTest, EndsWhenTold) {
  FakeTime time;
  int sent = 0;
  SendWhenDue(Schedule(10, Arrivals::kEven), time.now, time.now + seconds(10), time.clock(),
              [&](SteadyTime) { return ++sent < 3; });
  EXPECT_EQ(sent, 3);
}

}  // namespace
}  // namespace likeness
