#include "client/bench/workload.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "gtest/gtest.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

template <typename Request>
Request Decode(grpc::ByteBuffer bytes) {
  Request request;
  grpc::ProtoBufferReader reader(&bytes);
  EXPECT_TRUE(request.ParseFromZeroCopyStream(&reader));
  return request;
}

class WorkloadTest : public ::testing::Test {
 protected:
  WorkloadTest() {
    server_.service.enroll = [this](const v1::EnrollRequest& request, v1::EnrollResponse*) {
      if (absl::StartsWith(request.photos(0), "bad")) {
        return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FACE_NOT_FOUND", "no face", "", {}});
      }
      if (request.photos(0) == "fatal") {
        return ToGrpcStatus({grpc::StatusCode::INTERNAL, "STORE_FAILED", "disk full", "", {}});
      }
      persons_.insert(request.person_id());
      return grpc::Status::OK;
    };
    server_.service.delete_person = [this](const v1::DeletePersonRequest& request, v1::DeletePersonResponse*) {
      if (persons_.erase(request.person_id()) == 1) return grpc::Status::OK;
      return ToGrpcStatus({grpc::StatusCode::NOT_FOUND, "PERSON_NOT_FOUND", "no such person", "", {}});
    };
  }

  FakeServer server_;
  Client client_{{.target = server_.address()}};
  std::set<std::string> persons_;
};

TEST_F(WorkloadTest, ClaimsEachPhotoToBeThePersonItWasEnrolledAs) {
  const auto workload = Workload::Prepare(BenchMethod::kVerify, {"ada", "bob"}, client_);
  ASSERT_TRUE(workload.ok()) << workload.status();
  EXPECT_THAT(persons_, ElementsAre(workload->person_prefix() + "0", workload->person_prefix() + "1"));
  const auto second = Decode<v1::VerifyRequest>(workload->Request(1));
  EXPECT_EQ(second.photo(), "bob");
  EXPECT_EQ(second.person_id(), workload->person_prefix() + "1");
  EXPECT_EQ(Decode<v1::VerifyRequest>(workload->Request(2)).photo(), "ada");
  EXPECT_TRUE(workload->CleanUp(100, client_).ok());
  EXPECT_TRUE(persons_.empty());
}

TEST_F(WorkloadTest, ClaimsAPhotoThatCannotBeEnrolledToBeAnotherOnes) {
  const auto workload = Workload::Prepare(BenchMethod::kVerify, {"bad", "ada"}, client_);
  ASSERT_TRUE(workload.ok()) << workload.status();
  const auto first = Decode<v1::VerifyRequest>(workload->Request(0));
  EXPECT_EQ(first.photo(), "bad");
  EXPECT_EQ(first.person_id(), *persons_.begin());
  EXPECT_EQ(Decode<v1::VerifyRequest>(workload->Request(1)).person_id(), *persons_.begin());
}

TEST_F(WorkloadTest, FailsWithTheFirstErrorWhenNoPhotoCanBeEnrolled) {
  const auto workload = Workload::Prepare(BenchMethod::kVerify, {"bad", "bad too"}, client_);
  EXPECT_EQ(ErrorReasonOf(workload.status()), "FACE_NOT_FOUND");
}

TEST_F(WorkloadTest, LeavesNobodyBehindWhenTheServerFails) {
  const auto workload = Workload::Prepare(BenchMethod::kVerify, {"ada", "fatal"}, client_);
  EXPECT_EQ(ErrorReasonOf(workload.status()), "STORE_FAILED");
  EXPECT_TRUE(persons_.empty());
}

TEST_F(WorkloadTest, TwoOfThemNeverShareAPerson) {
  const auto a = Workload::Prepare(BenchMethod::kEmbed, {"photo"}, client_);
  const auto b = Workload::Prepare(BenchMethod::kEmbed, {"photo"}, client_);
  EXPECT_NE(a->person_prefix(), b->person_prefix());
}

TEST_F(WorkloadTest, ComparesAPhotoWithTheNext) {
  const auto workload = Workload::Prepare(BenchMethod::kCompare, {"a", "b"}, client_);
  ASSERT_TRUE(workload.ok()) << workload.status();
  const auto second = Decode<v1::CompareRequest>(workload->Request(1));
  EXPECT_EQ(second.photo_a(), "b");
  EXPECT_EQ(second.photo_b(), "a");
}

TEST_F(WorkloadTest, EmbedsThePhotosInTurn) {
  const auto workload = Workload::Prepare(BenchMethod::kEmbed, {"a", "b"}, client_);
  ASSERT_TRUE(workload.ok()) << workload.status();
  EXPECT_EQ(Decode<v1::EmbedRequest>(workload->Request(5)).photo(), "b");
}

TEST_F(WorkloadTest, EnrolsPersonsOfItsOwnAndDeletesAllThatMayHaveBeenSent) {
  const auto workload = Workload::Prepare(BenchMethod::kEnroll, {"a"}, client_);
  ASSERT_TRUE(workload.ok()) << workload.status();
  const auto request = Decode<v1::EnrollRequest>(workload->Request(41));
  EXPECT_THAT(request.photos(), ElementsAre("a"));
  EXPECT_THAT(request.person_id(), StartsWith("bench-"));
  EXPECT_EQ(request.person_id(), workload->person_prefix() + "41");
  persons_ = {request.person_id()};
  EXPECT_TRUE(workload->CleanUp(42, client_).ok());
  EXPECT_TRUE(persons_.empty());
}

}  // namespace
}  // namespace likeness
