#include "server/image/quality_gate.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// In the units of FaceQuality.
struct Limits {
  float min_eye_distance;
  float min_sharpness;
  float min_brightness;
  float max_brightness;
  float min_contrast;
  float max_yaw;
  float max_pitch;
  float max_roll;
  float min_inside;
};

constexpr Limits kStandardLimits{.min_eye_distance = 20,
                                 .min_sharpness = 0.045f,
                                 .min_brightness = 0.08f,
                                 .max_brightness = 0.94f,
                                 .min_contrast = 0.03f,
                                 .max_yaw = 50,
                                 .max_pitch = 45,
                                 .max_roll = 45,
                                 .min_inside = 0.7f};
constexpr Limits kStrictLimits{.min_eye_distance = 32,
                               .min_sharpness = 0.09f,
                               .min_brightness = 0.2f,
                               .max_brightness = 0.85f,
                               .min_contrast = 0.06f,
                               .max_yaw = 25,
                               .max_pitch = 25,
                               .max_roll = 25,
                               .min_inside = 0.9f};

struct Finding {
  QualityIssue issue;
  std::string message;
};

std::string Percent(float share) { return absl::StrFormat("%.0f %%", 100 * share); }

std::vector<Finding> FindAgainst(const FaceQuality& quality, const Limits& limits) {
  std::vector<Finding> findings;
  const auto find = [&](bool wrong, QualityIssue issue, const auto& message) {
    if (wrong) findings.push_back({issue, message()});
  };
  find(quality.eye_distance < limits.min_eye_distance, QualityIssue::kTooSmall, [&] {
    return absl::StrFormat("the eyes are %.0f pixels apart; at least %.0f are needed", std::floor(quality.eye_distance),
                           limits.min_eye_distance);
  });
  find(quality.sharpness < limits.min_sharpness, QualityIssue::kBlurred, [&] {
    return absl::StrFormat("the face is blurred: its sharpness is %.3f; at least %.3f is needed", quality.sharpness,
                           limits.min_sharpness);
  });
  find(quality.brightness < limits.min_brightness, QualityIssue::kTooDark, [&] {
    return absl::StrCat("the face is too dark: its brightness is ", Percent(quality.brightness), "; at least ",
                        Percent(limits.min_brightness), " is needed");
  });
  find(quality.brightness > limits.max_brightness, QualityIssue::kTooBright, [&] {
    return absl::StrCat("the face is too bright: its brightness is ", Percent(quality.brightness), "; at most ",
                        Percent(limits.max_brightness), " is accepted");
  });
  find(quality.contrast < limits.min_contrast, QualityIssue::kLowContrast, [&] {
    return absl::StrFormat("the face has too little contrast: %.3f; at least %.3f is needed", quality.contrast,
                           limits.min_contrast);
  });
  const auto find_angle = [&](float degrees, float most, QualityIssue issue, const char* what) {
    find(std::abs(degrees) > most, issue, [&] {
      return absl::StrFormat("the head is %s by %.0f degrees; at most %.0f are accepted", what,
                             std::ceil(std::abs(degrees)), most);
    });
  };
  find_angle(quality.yaw, limits.max_yaw, QualityIssue::kYaw, "turned aside");
  find_angle(quality.pitch, limits.max_pitch, QualityIssue::kPitch, quality.pitch > 0 ? "raised" : "lowered");
  find_angle(quality.roll, limits.max_roll, QualityIssue::kRoll, "tilted");
  find(quality.inside < limits.min_inside, QualityIssue::kCutOff, [&] {
    return absl::StrCat("the photo's edge cuts the face off: ", Percent(quality.inside), " of it is inside; at least ",
                        Percent(limits.min_inside), " is needed");
  });
  return findings;
}

std::vector<Finding> FindAt(const FaceQuality& quality, QualityGate gate) {
  switch (gate) {
    case QualityGate::kStandard:
      return FindAgainst(quality, kStandardLimits);
    case QualityGate::kStrict:
      return FindAgainst(quality, kStrictLimits);
    case QualityGate::kOff:
      return {};
  }
  return {};
}

}  // namespace

std::vector<QualityIssue> FindIssues(const FaceQuality& quality, QualityGate gate) {
  std::vector<QualityIssue> issues;
  for (const Finding& finding : FindAt(quality, gate)) issues.push_back(finding.issue);
  return issues;
}

absl::Status CheckQuality(const FaceQuality& quality, QualityGate gate) {
  const std::vector<Finding> findings = FindAt(quality, gate);
  if (findings.empty()) return absl::OkStatus();
  return MakeError(Reason::FACE_QUALITY_TOO_LOW,
                   absl::StrJoin(findings, "; ", [](std::string* out, const Finding& finding) {
                     absl::StrAppend(out, finding.message);
                   }));
}

}  // namespace likeness
