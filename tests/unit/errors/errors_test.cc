#include "server/errors/errors.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

TEST(ErrorsTest, CarriesItsReasonAndTheCodeThatBelongsToIt) {
  const absl::Status status = MakeError(Reason::FACE_NOT_FOUND, "no face was found in the photo");
  EXPECT_EQ(ReasonOf(status), Reason::FACE_NOT_FOUND);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "no face was found in the photo");
  EXPECT_EQ(FieldOf(status), "");
}

TEST(ErrorsTest, HasACodeOtherThanOkForEveryPublicReason) {
  for (int number = v1::ErrorReason_MIN; number <= v1::ErrorReason_MAX; ++number) {
    if (!v1::ErrorReason_IsValid(number) || number == v1::ERROR_REASON_UNSPECIFIED) continue;
    const auto reason = static_cast<Reason::Value>(number);
    const absl::Status status = MakeError(reason, "why");
    EXPECT_FALSE(status.ok()) << ReasonName(reason);
    EXPECT_EQ(ReasonOf(status), reason);
    // The reasons of INTERNAL are the server's own faults; a forgotten case of the switch would land there too.
    EXPECT_EQ(status.code() == absl::StatusCode::kInternal,
              reason == Reason::INTERNAL || reason == Reason::NETWORK_FAILED)
        << ReasonName(reason);
  }
}

struct CodeCase {
  Reason::Value reason;
  absl::StatusCode code;
};

TEST(ErrorsTest, UsesTheCodesThatTheContractStates) {
  const CodeCase cases[] = {
      {Reason::FIELD_INVALID, absl::StatusCode::kInvalidArgument},
      {Reason::PERSON_NOT_FOUND, absl::StatusCode::kNotFound},
      {Reason::PERSON_WITHOUT_REFERENCE, absl::StatusCode::kFailedPrecondition},
      {Reason::MODEL_MISMATCH, absl::StatusCode::kFailedPrecondition},
      {Reason::REQUEST_ID_REUSED, absl::StatusCode::kAlreadyExists},
      {Reason::OVERLOADED, absl::StatusCode::kResourceExhausted},
      {Reason::CANCELLED, absl::StatusCode::kCancelled},
      {Reason::DEADLINE_EXCEEDED, absl::StatusCode::kDeadlineExceeded},
      {Reason::SHUTTING_DOWN, absl::StatusCode::kUnavailable},
      {Reason::STORE_FAILED, absl::StatusCode::kUnavailable},
      {Reason::MASTER_KEY_MISSING, absl::StatusCode::kFailedPrecondition},
      {Reason::STORE_CORRUPT, absl::StatusCode::kDataLoss},
      {Reason::NETWORK_FAILED, absl::StatusCode::kInternal},
  };
  for (const CodeCase& c : cases) EXPECT_EQ(MakeError(c.reason, "").code(), c.code) << ReasonName(c.reason);
}

TEST(ErrorsTest, NamesReasonsWithoutTheirPrefix) {
  EXPECT_EQ(ReasonName(Reason::FACE_NOT_FOUND), "FACE_NOT_FOUND");
  EXPECT_EQ(ReasonName(Reason::INTERNAL), "INTERNAL");
}

TEST(ErrorsTest, TakesAStatusWithoutAReasonForAFaultOfTheServer) {
  EXPECT_EQ(ReasonOf(absl::NotFoundError("somebody else's error")), Reason::INTERNAL);
  EXPECT_EQ(ReasonOf(absl::OkStatus()), Reason::INTERNAL);
}

TEST(ErrorsTest, NamesTheFieldOfABadRequest) {
  EXPECT_THAT(InvalidField("max_distance", "must be above 0"), FailsWith(Reason::FIELD_INVALID, "max_distance"));
}

TEST(ErrorsTest, NamesWhatIsWrongWithAFace) {
  const absl::Status status = WithIssues(MakeError(Reason::FACE_QUALITY_TOO_LOW, "blurred"), "BLURRED,CUT_OFF");
  EXPECT_EQ(IssuesOf(status), "BLURRED,CUT_OFF");
  EXPECT_EQ(ReasonOf(status), Reason::FACE_QUALITY_TOO_LOW);
  EXPECT_EQ(IssuesOf(MakeError(Reason::FACE_NOT_FOUND, "no face")), "");
}

TEST(ErrorsTest, AddsAFieldAndKeepsTheReason) {
  const absl::Status plain = MakeError(Reason::PHOTO_CORRUPT, "the JPEG is damaged");
  EXPECT_THAT(WithField(plain, "photos[2]"), FailsWith(Reason::PHOTO_CORRUPT, "photos[2]"));
  EXPECT_EQ(WithField(plain, "photos[2]").message(), "the JPEG is damaged");
  EXPECT_EQ(FieldOf(plain), "");
}

}  // namespace
}  // namespace likeness
