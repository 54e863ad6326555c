#include "server/image/quality_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <string>

#include "likeness/v1/types.pb.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Nothing is wrong with it.
FaceQuality Good() {
  return {.score = 1, .eye_distance = 70, .sharpness = 0.15f, .brightness = 0.5f, .contrast = 0.15f};
}

struct Flaw {
  QualityIssue issue;
  float FaceQuality::*component;
  float passes_standard;  // and not strict
  float fails_standard;
  std::string message;
};

const Flaw kFlaws[] = {
    {QualityIssue::kTooSmall, &FaceQuality::eye_distance, 24, 18.7f,
     "the eyes are 18 pixels apart; at least 20 are needed"},
    {QualityIssue::kBlurred, &FaceQuality::sharpness, 0.06f, 0.03f, "its sharpness is 0.030; at least 0.045 is needed"},
    {QualityIssue::kBlurred, &FaceQuality::focus, 0.54f, 0.5f, "its focus is 0.500; at least 0.520 is needed"},
    {QualityIssue::kTooDark, &FaceQuality::brightness, 0.15f, 0.05f, "its brightness is 5 %; at least 8 % is needed"},
    {QualityIssue::kTooBright, &FaceQuality::brightness, 0.9f, 0.97f,
     "its brightness is 97 %; at most 94 % is accepted"},
    {QualityIssue::kLowContrast, &FaceQuality::contrast, 0.05f, 0.02f, "contrast: 0.020; at least 0.030 is needed"},
    {QualityIssue::kYaw, &FaceQuality::yaw, -40, 61, "turned aside by 61 degrees; at most 50 are accepted"},
    {QualityIssue::kPitch, &FaceQuality::pitch, -40, 50, "raised by 50 degrees; at most 45 are accepted"},
    {QualityIssue::kPitch, &FaceQuality::pitch, 40, -50, "lowered by 50 degrees; at most 45 are accepted"},
    {QualityIssue::kRoll, &FaceQuality::roll, 40, -90, "tilted by 90 degrees; at most 45 are accepted"},
    {QualityIssue::kCutOff, &FaceQuality::inside, 0.8f, 0.5f,
     "50 % of its upper or lower half is inside; at least 70 % is"},
    {QualityIssue::kCutOff, &FaceQuality::framed, 0.55f, 0.48f, "48 % of the head is inside; at least 51 % is needed"},
    {QualityIssue::kCovered, &FaceQuality::covered, 0.4f, 0.9f, "mouth and nose, or the eyes, are covered"},
};

const Flaw kProbeFlaws[] = {
    {QualityIssue::kBlurred, &FaceQuality::focus, 0.54f, 0.5f, "its focus is 0.500; at least 0.520 is needed"},
    {QualityIssue::kTooDark, &FaceQuality::brightness, 0.075f, 0.04f, "its brightness is 4 %; at least 7 % is needed"},
    {QualityIssue::kLowContrast, &FaceQuality::contrast, 0.02f, 0.005f, "contrast: 0.005; at least 0.010 is needed"},
    {QualityIssue::kCutOff, &FaceQuality::inside, 0.6f, 0.4f,
     "40 % of its upper or lower half is inside; at least 55 %"},
    {QualityIssue::kCovered, &FaceQuality::covered, 0.4f, 0.6f, "mouth and nose, or the eyes, are covered"},
};

TEST(QualityGateTest, LetsAGoodFacePassEverywhere) {
  for (QualityGate gate : {QualityGate::kOff, QualityGate::kStandard, QualityGate::kStrict}) {
    EXPECT_THAT(FindIssues(Good(), gate), IsEmpty());
    EXPECT_THAT(CheckQuality(Good(), gate), IsOk());
  }
}

TEST(QualityGateTest, IsMoreTolerantTheLessStrictItIs) {
  for (const Flaw& flaw : kFlaws) {
    FaceQuality quality = Good();
    quality.*flaw.component = flaw.passes_standard;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStandard), IsEmpty()) << flaw.message;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStrict), ElementsAre(flaw.issue)) << flaw.message;
    quality.*flaw.component = flaw.fails_standard;
    EXPECT_THAT(FindIssues(quality, QualityGate::kOff), IsEmpty()) << flaw.message;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStandard), ElementsAre(flaw.issue)) << flaw.message;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStrict), ElementsAre(flaw.issue)) << flaw.message;
  }
}

TEST(QualityGateTest, SaysWhatItFoundAndWhatItNeeds) {
  for (const Flaw& flaw : kFlaws) {
    FaceQuality quality = Good();
    quality.*flaw.component = flaw.fails_standard;
    const absl::Status status = CheckQuality(quality, QualityGate::kStandard);
    EXPECT_THAT(status, FailsWith(Reason::FACE_QUALITY_TOO_LOW));
    EXPECT_THAT(std::string(status.message()), HasSubstr(flaw.message));
  }
}

TEST(QualityGateTest, RefusesAProbeForWhatMakesFalseMatches) {
  for (const Flaw& flaw : kProbeFlaws) {
    FaceQuality quality = Good();
    quality.*flaw.component = flaw.passes_standard;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStandard, FaceRole::kProbe), IsEmpty()) << flaw.message;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStrict, FaceRole::kProbe), ElementsAre(flaw.issue)) << flaw.message;
    quality.*flaw.component = flaw.fails_standard;
    EXPECT_THAT(FindIssues(quality, QualityGate::kOff, FaceRole::kProbe), IsEmpty()) << flaw.message;
    EXPECT_THAT(FindIssues(quality, QualityGate::kStandard, FaceRole::kProbe), ElementsAre(flaw.issue)) << flaw.message;
    EXPECT_THAT(std::string(CheckQuality(quality, QualityGate::kStandard, FaceRole::kProbe).message()),
                HasSubstr(flaw.message));
  }
}

// A small face or a turned head costs false non-matches, so that it is the caller's choice.
TEST(QualityGateTest, LetsAProbePassThatIsOnlyHardToMatch) {
  FaceQuality quality = Good();
  quality.eye_distance = 8;
  quality.yaw = 70;
  quality.brightness = 0.97f;
  EXPECT_THAT(FindIssues(quality, QualityGate::kStandard, FaceRole::kProbe), IsEmpty());
  EXPECT_THAT(FindIssues(quality, QualityGate::kStandard, FaceRole::kReference),
              ElementsAre(QualityIssue::kTooSmall, QualityIssue::kTooBright, QualityIssue::kYaw));
}

TEST(QualityGateTest, RefusesEveryReferenceThatItWouldRefuseAsAProbe) {
  for (const Flaw* flaw = std::begin(kProbeFlaws); flaw != std::end(kProbeFlaws); ++flaw) {
    for (QualityGate gate : {QualityGate::kStandard, QualityGate::kStrict}) {
      FaceQuality quality = Good();
      quality.*flaw->component = flaw->fails_standard;
      EXPECT_THAT(FindIssues(quality, gate, FaceRole::kReference), ElementsAre(flaw->issue)) << flaw->message;
    }
  }
}

TEST(QualityGateTest, NamesTheIssuesForPrograms) {
  FaceQuality quality = Good();
  quality.focus = 0.3f;
  quality.inside = 0.3f;
  quality.framed = 0.2f;
  EXPECT_EQ(IssuesOf(CheckQuality(quality, QualityGate::kStandard, FaceRole::kProbe)), "BLURRED,CUT_OFF");
  for (int issue = 0; issue <= static_cast<int>(QualityIssue::kCovered); ++issue) {
    v1::QualityIssue known = v1::QUALITY_ISSUE_UNSPECIFIED;
    EXPECT_TRUE(v1::QualityIssue_Parse("QUALITY_ISSUE_" + IssueName(static_cast<QualityIssue>(issue)), &known))
        << issue;
  }
}

TEST(QualityGateTest, NamesEverythingThatIsWrongAtOnce) {
  FaceQuality quality = Good();
  quality.eye_distance = 10;
  quality.yaw = 80;
  EXPECT_EQ(
      CheckQuality(quality, QualityGate::kStandard).message(),
      "the eyes are 10 pixels apart; at least 20 are needed; the head is turned aside by 80 degrees; at most 50 are "
      "accepted");
}

}  // namespace
}  // namespace likeness
