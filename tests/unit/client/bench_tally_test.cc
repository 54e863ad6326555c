#include <chrono>
#include <vector>

#include "client/bench/tally.h"
#include "client/call_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::Key;

SteadyTime At(int64_t ms) { return SteadyTime(milliseconds(ms)); }

absl::Status Refusal() {
  return ToAbslStatus(
      ToGrpcStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "busy", "", absl::Milliseconds(200)}));
}

TEST(TallyTest, CountsLatencyFromTheTimeACallWasDueAndNotFromWhenItWasSent) {
  Tally tally(At(0), At(1000));
  tally.Add({At(100), At(350), At(360), absl::OkStatus()});
  const Results results = tally.TakeResults();
  EXPECT_THAT(results.ok(), ElementsAre(260));
  EXPECT_THAT(results.delays_of_sending, ElementsAre(250));
}

TEST(TallyTest, MeasuresTheCallsThatWereDueWithinTheMeasuredTime) {
  Tally tally(At(1000), At(2000));
  tally.Add({At(999), At(999), At(1500), absl::OkStatus()});  // warm-up
  tally.Add({At(1000), At(1000), At(1001), absl::OkStatus()});
  tally.Add({At(1999), At(1999), At(5000), absl::OkStatus()});  // the answer may come later
  tally.Add({At(2000), At(2000), At(2001), absl::OkStatus()});
  EXPECT_EQ(tally.progress().ok, 4);
  const Results results = tally.TakeResults();
  EXPECT_EQ(results.calls(), 2);
  EXPECT_THAT(results.ok(), ElementsAre(1, 3001));
}

TEST(TallyTest, KeepsRefusedAndFailedCallsApartFromAnsweredOnes) {
  Tally tally(At(0), At(1000));
  tally.Add({At(1), At(1), At(3), Refusal()});
  tally.Add({At(2), At(2), At(52), absl::OkStatus()});
  tally.Add({At(3), At(3), At(33), absl::DeadlineExceededError("late")});
  tally.Add({At(4), At(4), At(5), absl::ResourceExhaustedError("larger than gRPC allows")});
  EXPECT_EQ(tally.progress().ok, 1);
  EXPECT_EQ(tally.progress().refused, 1);
  EXPECT_EQ(tally.progress().failed, 2);
  const Results results = tally.TakeResults();
  EXPECT_THAT(results.ok(), ElementsAre(50));
  EXPECT_THAT(results.refused(), ElementsAre(2));
  EXPECT_EQ(results.refused_with_retry_delay, 1);
  EXPECT_THAT(results.latencies, ElementsAre(Key(CodeAndReason(absl::StatusCode::kOk, "")),
                                             Key(CodeAndReason(absl::StatusCode::kDeadlineExceeded, "")),
                                             Key(CodeAndReason(absl::StatusCode::kResourceExhausted, "")),
                                             Key(CodeAndReason(absl::StatusCode::kResourceExhausted, "OVERLOADED"))));
}

}  // namespace
}  // namespace likeness
