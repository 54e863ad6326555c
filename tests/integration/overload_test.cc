// More calls than the server can answer: refused at once, and nobody's time is spent on calls that nobody waits for.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

class OverloadTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    request_.set_photo(Photo("cage.jpg"));
  }

  // `count` Embed calls at once; their statuses.
  std::vector<grpc::Status> CallAtOnce(int count, std::chrono::milliseconds timeout) {
    const auto stub = server_->Stub();
    std::vector<grpc::Status> statuses(static_cast<size_t>(count));
    std::vector<std::thread> callers;
    for (grpc::Status& status : statuses) {
      callers.emplace_back([&] {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + timeout);
        v1::EmbedResponse response;
        status = stub->Embed(&context, request_, &response);
      });
    }
    for (std::thread& caller : callers) caller.join();
    return statuses;
  }

  // What the server counted for Embed calls, by code.
  double Counted(const std::string& code) const {
    const double count = server_->Metric("likeness_rpc_total{code=\"" + code + "\",method=\"Embed\"}");
    return std::isnan(count) ? 0 : count;
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  v1::EmbedRequest request_;
};

TEST_F(OverloadTest, RefusesWhatItsQueueCannotHoldAndSaysWhenToComeAgain) {
  Start({"--workers=1", "--queue=2"});
  int refused = 0;
  int answered = 0;
  for (const grpc::Status& status : CallAtOnce(30, std::chrono::seconds(60))) {
    if (status.ok()) {
      ++answered;
      continue;
    }
    ++refused;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    google::rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    for (const google::protobuf::Any& detail : details.details()) {
      detail.UnpackTo(&info);
      detail.UnpackTo(&retry);
    }
    EXPECT_EQ(info.reason(), "OVERLOADED");
    EXPECT_GT(retry.retry_delay().nanos(), 0);
  }
  EXPECT_GE(answered, 3);  // one in work, two in the queue
  EXPECT_GE(refused, 1);
  EXPECT_EQ(Counted("OK"), answered);
  EXPECT_EQ(Counted("RESOURCE_EXHAUSTED"), refused);
}

TEST_F(OverloadTest, WorkWhoseCallerHasGoneIsNotBegun) {
  Start({"--workers=1", "--queue=1000"});
  constexpr int kCalls = 300;  // seconds of work for one worker
  const std::vector<grpc::Status> statuses = CallAtOnce(kCalls, std::chrono::milliseconds(200));
  const auto in_time = std::count_if(statuses.begin(), statuses.end(), [](const auto& status) { return status.ok(); });
  ASSERT_LT(in_time, kCalls);
  // Every call ends on the server too, without its work being done.
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  const auto ended = [&] { return Counted("OK") + Counted("DEADLINE_EXCEEDED") + Counted("CANCELLED"); };
  while (ended() < kCalls && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(20));
  // A call that ended before it reached the server is not counted there.
  EXPECT_GT(Counted("DEADLINE_EXCEEDED") + Counted("CANCELLED"), 0);
  const double embedded = server_->Metric("likeness_stage_duration_seconds_count{stage=\"embed\"}");
  EXPECT_LT(embedded, kCalls / 2);
}

}  // namespace
}  // namespace likeness
