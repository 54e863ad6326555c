#include "server/image/quality_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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
    {QualityIssue::kTooDark, &FaceQuality::brightness, 0.15f, 0.05f, "its brightness is 5 %; at least 8 % is needed"},
    {QualityIssue::kTooBright, &FaceQuality::brightness, 0.9f, 0.97f,
     "its brightness is 97 %; at most 94 % is accepted"},
    {QualityIssue::kLowContrast, &FaceQuality::contrast, 0.05f, 0.02f, "contrast: 0.020; at least 0.030 is needed"},
    {QualityIssue::kYaw, &FaceQuality::yaw, -40, 61, "turned aside by 61 degrees; at most 50 are accepted"},
    {QualityIssue::kPitch, &FaceQuality::pitch, -40, 50, "raised by 50 degrees; at most 45 are accepted"},
    {QualityIssue::kPitch, &FaceQuality::pitch, 40, -50, "lowered by 50 degrees; at most 45 are accepted"},
    {QualityIssue::kRoll, &FaceQuality::roll, 40, -90, "tilted by 90 degrees; at most 45 are accepted"},
    {QualityIssue::kCutOff, &FaceQuality::inside, 0.8f, 0.5f, "50 % of it is inside; at least 70 % is needed"},
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
