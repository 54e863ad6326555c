#include "server/rpc/call_dispatcher.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "likeness/v1/face_verification_service.grpc.pb.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

using testing::HasSubstr;

// Whose Verify does what the test says.
class FakeService : public v1::FaceVerificationService::CallbackService {
 public:
  explicit FakeService(CallDispatcher& dispatcher) : dispatcher_(dispatcher) {}
  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context, const v1::VerifyRequest*,
                                   v1::VerifyResponse*) override {
    return dispatcher_.Run(context, "Verify", Lane::kVerify, [this](const Caller&, StillWanted) { return verify(); });
  }

  std::function<absl::Status()> verify = [] { return absl::OkStatus(); };

 private:
  CallDispatcher& dispatcher_;
};

class CallDispatcherTest : public testing::Test {
 protected:
  CallDispatcherTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::FaceVerificationService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }

  grpc::Status Verify() {
    grpc::ClientContext context;
    v1::VerifyResponse response;
    return stub_->Verify(&context, {}, &response);
  }

  Metrics metrics_;
  std::unique_ptr<Access> access_ = Access::Open();
  CallAdmission admission_{*access_, {}, absl::Now};
  OpenCalls open_calls_;
  WorkPool pool_{{.workers = 1, .queue_limit = 4}};
  CallDispatcher dispatcher_{pool_, admission_, open_calls_, metrics_};
  FakeService service_{dispatcher_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::FaceVerificationService::Stub> stub_;
};

TEST_F(CallDispatcherTest, ACallThatThrowsIsAnsweredAndTheNextToo) {
  const int64_t failures = ThreadFailures(ThreadKind::kWorker);
  service_.verify = []() -> absl::Status { throw std::runtime_error("a fault"); };
  const grpc::Status thrown = Verify();
  EXPECT_EQ(thrown.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(thrown.error_message(), HasSubstr("a fault"));
  EXPECT_EQ(ThreadFailures(ThreadKind::kWorker), failures + 1);
  service_.verify = []() -> absl::Status { throw 7; };
  EXPECT_EQ(Verify().error_code(), grpc::StatusCode::INTERNAL);
  service_.verify = [] { return absl::OkStatus(); };
  EXPECT_TRUE(Verify().ok());
}

TEST_F(CallDispatcherTest, ACallThatComesAfterTheDrainIsRefused) {
  open_calls_.Drain(absl::InfiniteDuration());
  const grpc::Status refused = Verify();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.error_message(), HasSubstr("shutting down"));
}

}  // namespace
}  // namespace likeness
