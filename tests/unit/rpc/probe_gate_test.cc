// The gate of Verify, Compare and Embed, on a real face and on the same photo made worse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/errors/errors.h"
#include "tests/unit/rpc/face_verification_fixture.h"
#include "tests/unit/rpc/worse_photos.h"

namespace likeness {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class ProbeGateTest : public FaceVerificationFixture {
 protected:
  ProbeGateTest() {
    BundleManifest& manifest = embedder_.mutable_manifest();
    manifest.alignment = Alignment::kArcFace112;
    manifest.input_width = 112;
    manifest.input_height = 112;
    v1::EnrollRequest enrolment;
    enrolment.set_person_id("audrey");
    enrolment.add_photos(good_);
    enrolment.set_face_policy(v1::FACE_POLICY_LARGEST);
    v1::EnrollResponse response;
    EXPECT_THAT(methods_->Enroll(enrolment, Trusted(), Wanted, response), IsOk());
    embedder_.embed = [this](const Picture&) {
      ++embedded_;
      return std::vector<float>{1, 0, 0};
    };
  }

  void SetServersGate(QualityGate gate) {
    options_.probe_gate = gate;
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  }

  absl::StatusOr<v1::VerifyResponse> VerifyWith(const std::string& photo,
                                                v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    v1::VerifyRequest request;
    request.set_person_id("audrey");
    request.set_photo(photo);
    request.set_face_policy(v1::FACE_POLICY_LARGEST);
    request.set_probe_gate(gate);
    return Verify(request);
  }

  absl::StatusOr<v1::CompareResponse> CompareWith(const std::string& a, const std::string& b,
                                                  v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    v1::CompareRequest request;
    request.set_photo_a(a);
    request.set_photo_b(b);
    request.set_face_policy(v1::FACE_POLICY_LARGEST);
    request.set_probe_gate(gate);
    v1::CompareResponse response;
    if (absl::Status status = methods_->Compare(request, Wanted, response); !status.ok()) return status;
    return response;
  }

  absl::StatusOr<v1::EmbedResponse> EmbedWith(const std::string& photo,
                                              v1::QualityGate gate = v1::QUALITY_GATE_UNSPECIFIED) {
    v1::EmbedRequest request;
    request.set_photo(photo);
    request.set_face_policy(v1::FACE_POLICY_LARGEST);
    request.set_probe_gate(gate);
    v1::EmbedResponse response;
    if (absl::Status status = methods_->Embed(request, Wanted, response); !status.ok()) return status;
    return response;
  }

  const std::string good_ = EncodePnm(Audrey());
  const std::string blurred_ = EncodePnm(Blurred(Audrey()));
  int embedded_ = 0;
};

TEST_F(ProbeGateTest, GivesAGoodFaceAVerdictAtEveryGate) {
  for (v1::QualityGate gate :
       {v1::QUALITY_GATE_UNSPECIFIED, v1::QUALITY_GATE_OFF, v1::QUALITY_GATE_STANDARD, v1::QUALITY_GATE_STRICT}) {
    EXPECT_THAT(VerifyWith(good_, gate), IsOk()) << gate;
    EXPECT_THAT(CompareWith(good_, good_, gate), IsOk()) << gate;
    EXPECT_THAT(EmbedWith(good_, gate), IsOk()) << gate;
  }
  EXPECT_THAT(Scrape(), Not(ContainsRegex("likeness_quality_refusals_total\\{[^}]*\\} [1-9]")));
}

TEST_F(ProbeGateTest, RefusesABadFaceInsteadOfAVerdictAndNamesThePhotoAndTheIssue) {
  const auto verified = VerifyWith(blurred_);
  EXPECT_THAT(verified, FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo"));
  EXPECT_EQ(IssuesOf(verified.status()), "BLURRED");
  EXPECT_THAT(std::string(verified.status().message()), HasSubstr("blurred"));
  EXPECT_THAT(CompareWith(blurred_, good_), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo_a"));
  EXPECT_THAT(CompareWith(good_, blurred_), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo_b"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_quality_refusals_total{issue=\"BLURRED\",method=\"Verify\"} 1\n"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_quality_refusals_total{issue=\"BLURRED\",method=\"Compare\"} 2\n"));
  EXPECT_THAT(Scrape(), Not(HasSubstr("likeness_verdicts_total{")));
}

TEST_F(ProbeGateTest, RefusesBeforeTheNetworkRuns) {
  EXPECT_THAT(VerifyWith(blurred_), FailsWith(Reason::FACE_QUALITY_TOO_LOW));
  EXPECT_EQ(embedded_, 0);
}

TEST_F(ProbeGateTest, LetsEveryFacePassAnOpenGate) {
  EXPECT_THAT(VerifyWith(blurred_, v1::QUALITY_GATE_OFF), IsOk());
  EXPECT_THAT(CompareWith(blurred_, blurred_, v1::QUALITY_GATE_OFF), IsOk());
}

TEST_F(ProbeGateTest, EmbedsAnyFaceUnlessTheRequestNamesAGate) {
  SetServersGate(QualityGate::kStrict);
  EXPECT_THAT(EmbedWith(blurred_), IsOk());
  EXPECT_THAT(EmbedWith(blurred_, v1::QUALITY_GATE_STANDARD), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo"));
}

TEST_F(ProbeGateTest, HoldsProbesAgainstTheServersGateUnlessTheRequestNamesOne) {
  SetServersGate(QualityGate::kOff);
  EXPECT_THAT(VerifyWith(blurred_), IsOk());
  EXPECT_THAT(CompareWith(blurred_, good_), IsOk());
  EXPECT_THAT(VerifyWith(blurred_, v1::QUALITY_GATE_STANDARD), FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo"));
}

// 12 pixels between the eyes: too few for a reference, and for a strict verdict.
TEST_F(ProbeGateTest, AsksLessOfAProbeThanOfAReference) {
  const std::string small = EncodePnm(Shrunken(Audrey()));
  EXPECT_THAT(VerifyWith(small, v1::QUALITY_GATE_STANDARD), IsOk());
  const auto strict = VerifyWith(small, v1::QUALITY_GATE_STRICT);
  EXPECT_THAT(strict, FailsWith(Reason::FACE_QUALITY_TOO_LOW, "photo"));
  EXPECT_THAT(IssuesOf(strict.status()), HasSubstr("TOO_SMALL"));
}

TEST_F(ProbeGateTest, DoesNotKnowAGateThatThereIsNone) {
  const auto odd = static_cast<v1::QualityGate>(9);
  EXPECT_THAT(VerifyWith(good_, odd), FailsWith(Reason::FIELD_INVALID, "probe_gate"));
  EXPECT_THAT(CompareWith(good_, good_, odd), FailsWith(Reason::FIELD_INVALID, "probe_gate"));
  EXPECT_THAT(EmbedWith(good_, odd), FailsWith(Reason::FIELD_INVALID, "probe_gate"));
}

}  // namespace
}  // namespace likeness
