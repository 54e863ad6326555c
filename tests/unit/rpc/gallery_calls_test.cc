// Calls that wait for the gallery beside calls that verify: the real pool and dispatcher, on a gallery that hangs.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/rpc/face_verification_service.h"
#include "server/rpc/grpc_server.h"
#include "tests/support/held_database.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

class GalleryCallsTest : public FaceVerificationFixture, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    gallery_ = *Gallery::Open(
        *SqlStore::Open(std::make_unique<HeldDatabase>(*SqliteDatabase::Open(UniquePath("gallery.sqlite")), hold_),
                        Protection::Plaintext()),
        {}, metrics_);
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
    WorkPool::Options options;
    options.workers = GetParam();
    options.queue_limit = 16;
    options.on_depth = [this](int64_t waiting) { queued_ = waiting; };
    pool_ = std::make_unique<WorkPool>(options);
    dispatcher_ = std::make_unique<CallDispatcher>(*pool_, admission_, open_calls_, metrics_);
    service_ = std::make_unique<FaceVerificationService>(*methods_, *dispatcher_, *audit_);
    auto server = GrpcServer::Start({.address = "127.0.0.1:0"}, {service_.get()}, {});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials());
  }

  ~GalleryCallsTest() override {
    hold_->Open();
    callers_.clear();
    if (server_ != nullptr) {
      open_calls_.Drain(absl::InfiniteDuration());
      server_->ShutDown();
    }
    pool_.reset();
  }

  // A call with a deadline, on a thread of its own.
  template <typename Call>
  void Begin(Call call) {
    callers_.emplace_back([this, call] {
      const auto stub = v1::FaceVerificationService::NewStub(channel_);
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(absl::Now() + kLimit));
      call(*stub, context);
    });
  }

  void BeginEnroll(const std::string& person_id, bool validate_only) {
    Begin([this, person_id, validate_only](auto& stub, auto& context) {
      v1::EnrollRequest request;
      request.set_person_id(person_id);
      request.set_validate_only(validate_only);
      request.add_photos(PhotoOf(kGreen));
      v1::EnrollResponse response;
      answered_ok_ += stub.Enroll(&context, request, &response).ok() ? 1 : 0;
    });
  }

  grpc::Status VerifyOverGrpc(const std::string& person_id) {
    const auto stub = v1::FaceVerificationService::NewStub(channel_);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    v1::VerifyRequest request;
    request.set_person_id(person_id);
    request.set_photo(PhotoOf(kRed));
    v1::VerifyResponse response;
    return stub->Verify(&context, request, &response);
  }

  // Until so many calls hang in the store or wait for a worker.
  void AwaitStuck(int calls) {
    const absl::Time limit = absl::Now() + kLimit;
    while (hold_->waiting() + queued_ < calls && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(2));
    ASSERT_EQ(hold_->waiting() + queued_, calls);
  }

  const std::shared_ptr<Hold> hold_ = std::make_shared<Hold>();
  std::atomic<int64_t> queued_ = 0;
  std::atomic<int> answered_ok_ = 0;
  const std::unique_ptr<Access> access_ = Access::Open();
  const std::unique_ptr<AuditTrail> audit_ = *AuditTrail::Open({});
  CallAdmission admission_{*access_, {}, absl::Now};
  OpenCalls open_calls_;
  std::unique_ptr<WorkPool> pool_;
  std::unique_ptr<CallDispatcher> dispatcher_;
  std::unique_ptr<FaceVerificationService> service_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::vector<std::jthread> callers_;
};

// Two first enrolments on two workers kept Verify of a person in memory waiting for 13 s.
TEST_P(GalleryCallsTest, EnrolmentsThatHangDoNotStopAVerifyOfAPersonInMemory) {
  Enrol("ada", kRed);
  ASSERT_TRUE(VerifyOverGrpc("ada").ok()) << "now in memory";
  hold_->Close();
  for (int i = 0; i < 4; ++i) BeginEnroll(absl::StrCat("person ", i), /*validate_only=*/i % 2 == 1);
  AwaitStuck(4);
  for (int i = 0; i < 3; ++i) {
    const grpc::Status verified = VerifyOverGrpc("ada");
    EXPECT_TRUE(verified.ok()) << verified.error_message();
  }
  EXPECT_EQ(answered_ok_, 0) << "they still hang";
  hold_->Open();
  callers_.clear();
  EXPECT_EQ(answered_ok_, 4);
}

TEST_P(GalleryCallsTest, OtherCallsThatWaitForTheGalleryDoNotStopItEither) {
  Enrol("ada", kRed);
  ASSERT_TRUE(VerifyOverGrpc("ada").ok());
  hold_->Close();
  Begin([this](auto& stub, auto& context) {
    v1::DeletePersonRequest request;
    request.set_person_id("nobody");
    v1::DeletePersonResponse response;
    answered_ok_ += stub.DeletePerson(&context, request, &response).ok() ? 1 : 0;
  });
  Begin([this](auto& stub, auto& context) {
    v1::DeleteReferenceRequest request;
    request.set_person_id("nobody");
    request.set_reference_id("none");
    v1::DeleteReferenceResponse response;
    answered_ok_ += stub.DeleteReference(&context, request, &response).ok() ? 1 : 0;
  });
  Begin([this](auto& stub, auto& context) {
    v1::ListPersonsResponse response;
    answered_ok_ += stub.ListPersons(&context, {}, &response).ok() ? 1 : 0;
  });
  Begin([this](auto& stub, auto& context) {
    v1::GetPersonRequest request;
    request.set_person_id("ada");
    v1::GetPersonResponse response;
    answered_ok_ += stub.GetPerson(&context, request, &response).ok() ? 1 : 0;
  });
  AwaitStuck(4);
  EXPECT_TRUE(VerifyOverGrpc("ada").ok());
  hold_->Open();
  callers_.clear();
  EXPECT_EQ(answered_ok_, 2) << "nobody is there to be deleted";
}

// However many come, they leave room in the queue.
TEST_P(GalleryCallsTest, EnrolmentsThatHangDoNotFillTheQueue) {
  Enrol("ada", kRed);
  ASSERT_TRUE(VerifyOverGrpc("ada").ok());
  hold_->Close();
  std::atomic<int> refused = 0;
  for (int i = 0; i < 30; ++i) {
    Begin([this, &refused, i](auto& stub, auto& context) {
      v1::EnrollRequest request;
      request.set_person_id(absl::StrCat("person ", i));
      request.add_photos(PhotoOf(kGreen));
      v1::EnrollResponse response;
      const grpc::Status status = stub.Enroll(&context, request, &response);
      refused += status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ? 1 : 0;
      answered_ok_ += status.ok() ? 1 : 0;
    });
  }
  const absl::Time limit = absl::Now() + kLimit;
  while (hold_->waiting() + queued_ + refused < 30 && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(2));
  EXPECT_TRUE(VerifyOverGrpc("ada").ok());
  hold_->Open();
  callers_.clear();
  EXPECT_GE(refused, 30 - 16);
  EXPECT_EQ(answered_ok_ + refused, 30);
}

INSTANTIATE_TEST_SUITE_P(Workers, GalleryCallsTest, testing::Values(1, 2, 4));

}  // namespace
}  // namespace likeness
