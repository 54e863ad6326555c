#include "client/bench/load_generator.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "client/bench/latency.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Key;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class LoadGeneratorTest : public ::testing::Test {
 protected:
  // Sends Embed calls for this long; what became of them.
  Results Load(const LoadOptions& options, milliseconds duration) {
    Client client({.target = server_.address()});
    const auto workload = Workload::Prepare(BenchMethod::kEmbed, {"photo"}, client);
    const SteadyTime start = steady_clock::now();
    Tally tally(start, start + duration);
    const std::vector channels = {grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials())};
    LoadGenerator generator(channels, *workload, options, tally);
    generator.Run(start, start + duration);
    sent_ = generator.sent();
    EXPECT_EQ(generator.in_flight(), 0);
    return tally.TakeResults();
  }

  FakeServer server_;
  int64_t sent_ = 0;
};

// The server answers nobody for its first 400 ms. Of the 200 calls of the second that is measured, the 60 that were due
// in the first 300 ms have waited at least 100 ms, and each a little less than the one before.
TEST_F(LoadGeneratorTest, AStallShowsInTheLatencyOfEveryCallThatWasDueMeanwhile) {
  std::once_flag stall;
  server_.service.embed = [&](const auto&, auto*) {
    std::call_once(stall, [] { absl::SleepFor(absl::Milliseconds(400)); });  // those who come meanwhile wait
    return grpc::Status::OK;
  };
  const Results results = Load({.calls_per_second = 200, .arrivals = Arrivals::kEven}, milliseconds(1000));
  ASSERT_THAT(results.ok(), SizeIs(200));
  const std::vector<double> ok = results.ok();
  EXPECT_GE(std::count_if(ok.begin(), ok.end(), [](double latency) { return latency >= 100; }), 60);
  EXPECT_GE(Summarize(ok).p90, 300);
  EXPECT_GE(Summarize(ok).max, 400);
}

TEST_F(LoadGeneratorTest, AClosedLoopSendsACallOnlyOnceTheOneBeforeIsAnswered) {
  std::atomic<int> at_once = 0, most_at_once = 0;
  server_.service.embed = [&](const v1::EmbedRequest& request, auto*) {
    EXPECT_EQ(request.photo(), "photo");
    most_at_once = std::max<int>(most_at_once, ++at_once);
    absl::SleepFor(absl::Milliseconds(10));
    --at_once;
    return grpc::Status::OK;
  };
  const Results results = Load({.concurrency = 3}, milliseconds(300));
  EXPECT_EQ(most_at_once, 3);
  EXPECT_GE(results.calls(), 3);
  EXPECT_LE(results.calls(), 90);  // 3 callers in 300 ms at 10 ms each
  EXPECT_EQ(results.calls(), sent_);
  EXPECT_THAT(results.ok(), Each(Ge(10)));
}

TEST_F(LoadGeneratorTest, KeepsManyCallsInFlight) {
  server_.service.embed = [](const auto&, auto*) {
    absl::SleepFor(absl::Milliseconds(700));
    return grpc::Status::OK;
  };
  const Results results = Load({.concurrency = 100}, milliseconds(500));
  EXPECT_THAT(results.ok(), SizeIs(100));
}

TEST_F(LoadGeneratorTest, CountsARefusalOnceAndDoesNotRepeatTheCall) {
  std::atomic<int> calls = 0;
  server_.service.embed = [&calls](const auto&, auto*) {
    if (++calls % 2 == 0) return grpc::Status::OK;
    return ToGrpcStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "busy", "", absl::Milliseconds(1)});
  };
  const Results results = Load({.calls_per_second = 200, .arrivals = Arrivals::kEven}, milliseconds(200));
  EXPECT_EQ(calls, 40);
  EXPECT_THAT(results.ok(), SizeIs(20));
  EXPECT_THAT(results.refused(), SizeIs(20));
  EXPECT_EQ(results.refused_with_retry_delay, 20);
}

TEST_F(LoadGeneratorTest, CallersLeaveAfterTheTimeTheyWait) {
  server_.service.embed = [](const auto&, auto*) {
    absl::SleepFor(absl::Milliseconds(300));
    return grpc::Status::OK;
  };
  const Results left = Load({.concurrency = 2, .cancel_after = milliseconds(20)}, milliseconds(100));
  EXPECT_THAT(left.latencies, UnorderedElementsAre(Key(CodeAndReason(absl::StatusCode::kCancelled, ""))));
  const Results late = Load({.concurrency = 2, .timeout = milliseconds(20)}, milliseconds(100));
  EXPECT_THAT(late.latencies, UnorderedElementsAre(Key(CodeAndReason(absl::StatusCode::kDeadlineExceeded, ""))));
}

TEST_F(LoadGeneratorTest, CallersWhoAreAnsweredInTimeDoNotLeave) {
  server_.service.embed = [](const auto&, auto*) { return grpc::Status::OK; };
  const Results results = Load({.concurrency = 2, .cancel_after = std::chrono::seconds(10)}, milliseconds(100));
  EXPECT_THAT(results.latencies, UnorderedElementsAre(Key(CodeAndReason(absl::StatusCode::kOk, ""))));
}

}  // namespace
}  // namespace likeness
