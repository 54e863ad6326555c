// The quality gate of Enroll, and validate_only, on real faces and on the same photos made worse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/rpc/face_verification_fixture.h"
#include "tests/unit/rpc/worse_photos.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class EnrolmentQualityTest : public FaceVerificationFixture {
 protected:
  EnrolmentQualityTest() {
    BundleManifest& manifest = embedder_.mutable_manifest();
    manifest.alignment = Alignment::kArcFace112;
    manifest.input_width = 112;
    manifest.input_height = 112;
  }

  static v1::EnrollRequest Request(const std::string& photo, v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    v1::EnrollRequest request;
    request.set_person_id("audrey");
    request.add_photos(photo);
    request.set_face_policy(v1::FACE_POLICY_LARGEST);
    request.set_quality_gate(gate);
    request.set_allow_mismatch(true);  // the fake network sees nothing but the light
    return request;
  }

  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) {
    v1::EnrollResponse response;
    if (absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response); !status.ok()) return status;
    return response;
  }

  // Why the photo is refused; empty where it is enrolled.
  std::string Complaint(const Picture& picture, v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    const auto response = Enroll(Request(EncodePnm(picture), gate));
    if (response.ok()) return "";
    EXPECT_THAT(response, FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photos[0]"));
    EXPECT_THAT(IssuesOf(response.status()), Not(IsEmpty()));
    return std::string(response.status().message());
  }

  // Nothing where the person is not enrolled.
  std::optional<int> ReferencesOf(const std::string& person_id) {
    v1::GetPersonRequest request;
    request.set_person_id(person_id);
    v1::GetPersonResponse response;
    if (!methods_->GetPerson(request, Wanted, response).ok()) return std::nullopt;
    return response.person().references_size();
  }
};

TEST_F(EnrolmentQualityTest, EnrolsAGoodPhotoAndSaysHowGoodItIs) {
  const auto response = Enroll(Request(EncodePnm(Audrey())));
  ASSERT_THAT(response, IsOk());
  ASSERT_TRUE(response->faces(0).has_quality());
  EXPECT_GT(response->faces(0).quality().score(), 0.5);
  EXPECT_GT(response->faces(0).quality().eye_distance(), 32);
}

TEST_F(EnrolmentQualityTest, RefusesABadPhotoAndNamesWhatToFix) {
  EXPECT_THAT(Complaint(Shrunken(Audrey())),
              AllOf(HasSubstr("pixels apart; at least 20 are needed"), Not(HasSubstr("too dark"))));
  EXPECT_THAT(Complaint(Blurred(Audrey())), AllOf(HasSubstr("blurred"), Not(HasSubstr("pixels apart"))));
  EXPECT_THAT(Complaint(Darkened(Audrey())), AllOf(HasSubstr("too dark"), Not(HasSubstr("pixels apart"))));
  EXPECT_EQ(ReferencesOf("audrey"), std::nullopt);
  EXPECT_THAT(Scrape(), HasSubstr("likeness_quality_refusals_total{issue=\"TOO_DARK\",method=\"Enroll\"} 1\n"));
}

TEST_F(EnrolmentQualityTest, LetsEveryFacePassAnOpenGate) {
  EXPECT_THAT(Complaint(Shrunken(Audrey()), v1::QUALITY_GATE_OFF), IsEmpty());
  EXPECT_THAT(Complaint(Blurred(Audrey()), v1::QUALITY_GATE_OFF), IsEmpty());
  EXPECT_THAT(Complaint(Darkened(Audrey()), v1::QUALITY_GATE_OFF), IsEmpty());
  EXPECT_EQ(ReferencesOf("audrey"), 3);
}

TEST_F(EnrolmentQualityTest, IsStricterWhereItIsToldTo) {
  const Picture smaller = Resized(Audrey(), 0.2);
  EXPECT_THAT(Complaint(smaller, v1::QUALITY_GATE_STANDARD), IsEmpty());
  EXPECT_THAT(Complaint(smaller, v1::QUALITY_GATE_STRICT), HasSubstr("at least 32 are needed"));
  EXPECT_THAT(Complaint(Audrey(), v1::QUALITY_GATE_STRICT), IsEmpty());
}

TEST_F(EnrolmentQualityTest, HoldsFacesAgainstTheServersGateUnlessTheRequestNamesOne) {
  options_.enrolling.quality_gate = QualityGate::kStrict;
  methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  const Picture smaller = Resized(Audrey(), 0.2);
  EXPECT_THAT(Complaint(smaller), HasSubstr("at least 32 are needed"));
  EXPECT_THAT(Complaint(smaller, v1::QUALITY_GATE_STANDARD), IsEmpty());
}

TEST_F(EnrolmentQualityTest, DoesNotKnowAGateThatThereIsNone) {
  EXPECT_THAT(Enroll(Request(EncodePnm(Audrey()), static_cast<v1::QualityGate>(9))),
              FailsWith(Reason::FIELD_INVALID, "quality_gate"));
}

// One bad photo among good ones: nothing is enrolled, and the caller learns which it is.
TEST_F(EnrolmentQualityTest, NamesTheBadPhotoAmongSeveral) {
  v1::EnrollRequest request = Request(EncodePnm(Audrey()));
  request.add_photos(EncodePnm(Shrunken(Audrey())));
  EXPECT_THAT(Enroll(request), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photos[1]"));
  EXPECT_EQ(ReferencesOf("audrey"), std::nullopt);
}

TEST_F(EnrolmentQualityTest, OnlyChecksWhereThatIsAllThatIsAskedFor) {
  v1::EnrollRequest check = Request(EncodePnm(Audrey()));
  check.set_validate_only(true);
  auto response = Enroll(check);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->references_size(), 0);
  EXPECT_EQ(response->reference_count(), 0);
  EXPECT_GT(response->faces(0).quality().score(), 0.5);
  EXPECT_EQ(response->model().name(), "mean-colour");
  EXPECT_EQ(ReferencesOf("audrey"), std::nullopt);

  ASSERT_THAT(Enroll(Request(EncodePnm(Audrey()))), IsOk());
  response = Enroll(check);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->reference_count(), 1);
  EXPECT_EQ(ReferencesOf("audrey"), 1);
}

TEST_F(EnrolmentQualityTest, ChecksAllThatAnEnrolmentChecks) {
  v1::EnrollRequest check = Request(EncodePnm(Shrunken(Audrey())));
  check.set_validate_only(true);
  EXPECT_THAT(Enroll(check), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photos[0]"));
  check = Request("not a photo");
  check.set_validate_only(true);
  EXPECT_THAT(Enroll(check), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED, "photos[0]"));
  for (int i = 0; i < 4; ++i) {
    v1::EnrollRequest sixteen = Request(EncodePnm(Audrey()));
    for (int j = 1; j < 16; ++j) sixteen.add_photos(sixteen.photos(0));
    ASSERT_THAT(Enroll(sixteen), IsOk());
  }
  check = Request(EncodePnm(Audrey()));
  check.set_validate_only(true);
  EXPECT_THAT(Enroll(check), FailsWith(Reason::TOO_MANY_REFERENCES));
}

TEST_F(EnrolmentQualityTest, LeavesTheRequestIdOfACheckUnused) {
  v1::EnrollRequest request = Request(EncodePnm(Audrey()));
  request.set_request_id("request");
  request.set_validate_only(true);
  ASSERT_THAT(Enroll(request), IsOk());
  // Free for any content.
  request.set_validate_only(false);
  request.set_person_id("hepburn");
  const auto enrolled = Enroll(request);
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_FALSE(enrolled->replayed());
  // And from now on used, which a check says too.
  request.set_person_id("audrey");
  request.set_validate_only(true);
  EXPECT_THAT(Enroll(request), FailsWith(Reason::REQUEST_ID_REUSED));
}

}  // namespace
}  // namespace likeness
