// The quality gate of Enroll, and validate_only, on real faces and on the same photos made worse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/image/alignment.h"
#include "server/image/photo.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Picture Audrey() { return *DecodePhoto(ReadFile(PhotoPath("audrey.jpg")), {}); }

Picture Resized(const Picture& picture, double factor) {
  return ResizeWhole(picture, static_cast<int>(picture.width * factor), static_cast<int>(picture.height * factor));
}

// As from a distance: the eyes are 12 pixels apart instead of 121.
Picture Shrunken(const Picture& picture) { return Resized(picture, 0.1); }

// Each pixel the mean of those up to `radius` before and after it in its row; and the picture turned, for the columns.
Picture RowsBlurredAndTurned(const Picture& picture, int radius) {
  Picture turned{picture.height, picture.width, std::vector<uint8_t>(picture.rgb.size()), 1};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        int sum = 0;
        for (int dx = -radius; dx <= radius; ++dx) {
          const int from = std::clamp(x + dx, 0, picture.width - 1);
          sum += picture.rgb[static_cast<size_t>(3 * (y * picture.width + from) + channel)];
        }
        turned.rgb[static_cast<size_t>(3 * (x * picture.height + y) + channel)] =
            static_cast<uint8_t>(sum / (2 * radius + 1));
      }
    }
  }
  return turned;
}

// Out of focus: fine detail is gone, the size is as before.
Picture Blurred(Picture picture) {
  for (int pass = 0; pass < 4; ++pass) picture = RowsBlurredAndTurned(picture, 20);
  return picture;
}

Picture Darkened(Picture picture) {
  for (uint8_t& sample : picture.rgb) sample = static_cast<uint8_t>(sample / 16);
  return picture;
}

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
    if (absl::Status status = methods_->Enroll(request, Caller(), Wanted, response); !status.ok()) return status;
    return response;
  }

  // Why the photo is refused; empty where it is enrolled.
  std::string Complaint(const Picture& picture, v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    const auto response = Enroll(Request(EncodePnm(picture), gate));
    if (response.ok()) return "";
    EXPECT_THAT(response, FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photos[0]"));
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
  options_.quality_gate = QualityGate::kStrict;
  methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, metrics_, options_);
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
