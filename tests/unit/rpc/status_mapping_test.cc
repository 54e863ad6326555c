#include "server/rpc/status_mapping.h"

#include <gmock/gmock.h>
#include <grpcpp/support/error_details.h>
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// The details that a caller finds in a status.
google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(grpc::ExtractErrorDetails(status, &details).ok());
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  return details;
}

template <typename Detail>
bool Find(const google::rpc::Status& details, Detail& found) {
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&found)) return true;
  }
  return false;
}

TEST(StatusMappingTest, LeavesOkAlone) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.error_details(), "");
}

TEST(StatusMappingTest, TellsTheStableReason) {
  const grpc::Status status = ToGrpcStatus(MakeError(Reason::FACE_NOT_FOUND, "no face was found in the photo"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "no face was found in the photo");
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(Find(DetailsOf(status), info));
  EXPECT_EQ(info.domain(), "likeness");
  EXPECT_EQ(info.reason(), "FACE_NOT_FOUND");
}

TEST(StatusMappingTest, KeepsTheCodeOfEveryReason) {
  for (int number = v1::ErrorReason_MIN; number <= v1::ErrorReason_MAX; ++number) {
    if (!v1::ErrorReason_IsValid(number) || number == v1::ERROR_REASON_UNSPECIFIED) continue;
    const auto reason = static_cast<Reason::Value>(number);
    const grpc::Status status = ToGrpcStatus(MakeError(reason, "why"));
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(MakeError(reason, "").code()));
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(Find(DetailsOf(status), info));
    EXPECT_EQ(info.reason(), ReasonName(reason));
  }
}

TEST(StatusMappingTest, NamesTheFieldInABadRequest) {
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(InvalidField("max_distance", "must be above 0"))), bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "max_distance");
  EXPECT_EQ(bad_request.field_violations(0).description(), "must be above 0");
  EXPECT_FALSE(Find(DetailsOf(ToGrpcStatus(MakeError(Reason::PERSON_NOT_FOUND, ""))), bad_request));
}

TEST(StatusMappingTest, NamesWhatIsWrongWithAFace) {
  google::rpc::ErrorInfo info;
  const absl::Status refused = WithIssues(MakeError(Reason::FACE_QUALITY_TOO_LOW, ""), "BLURRED,CUT_OFF");
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(refused)), info));
  EXPECT_EQ(info.metadata().at("issues"), "BLURRED,CUT_OFF");
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(MakeError(Reason::FACE_NOT_FOUND, ""))), info));
  EXPECT_EQ(info.metadata().count("issues"), 0u);
}

TEST(StatusMappingTest, SaysWhenToComeAgainAndOnlyWhereThatHelps) {
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(MakeError(Reason::OVERLOADED, ""))), retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 0);
  EXPECT_EQ(retry.retry_delay().nanos(), 200'000'000);
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(MakeError(Reason::STORE_FAILED, ""))), retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 0);
  const absl::Status limited = WithRetryDelay(MakeError(Reason::RATE_LIMITED, ""), absl::Milliseconds(1250));
  ASSERT_TRUE(Find(DetailsOf(ToGrpcStatus(limited)), retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
  for (const Reason::Value reason : {Reason::QUOTA_EXCEEDED, Reason::PERSON_NOT_FOUND, Reason::INTERNAL}) {
    EXPECT_FALSE(Find(DetailsOf(ToGrpcStatus(MakeError(reason, ""))), retry));
  }
}

TEST(StatusMappingTest, TakesAStatusWithoutAReasonForAFaultOfTheServer) {
  for (const absl::Status& stray : {absl::NotFoundError("x"), absl::InvalidArgumentError("x"),
                                    absl::OutOfRangeError("x"), absl::UnauthenticatedError("x")}) {
    const grpc::Status status = ToGrpcStatus(stray);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL) << stray;
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(Find(DetailsOf(status), info));
    EXPECT_EQ(info.reason(), "INTERNAL");
  }
}

TEST(StatusMappingTest, NamesCodesAsGrpcDoes) {
  EXPECT_EQ(CodeName(grpc::StatusCode::OK), "OK");
  EXPECT_EQ(CodeName(grpc::StatusCode::INVALID_ARGUMENT), "INVALID_ARGUMENT");
  EXPECT_EQ(CodeName(grpc::StatusCode::RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(CodeName(grpc::StatusCode::DATA_LOSS), "DATA_LOSS");
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
}

}  // namespace
}  // namespace likeness
