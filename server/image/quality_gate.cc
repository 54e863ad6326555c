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
  float min_focus;
  float min_brightness;
  float max_brightness;
  float min_contrast;
  float max_yaw;
  float max_pitch;
  float max_roll;
  float min_inside;
  float min_framed;
  float max_covered;
};

constexpr Limits kReferenceStandard{.min_eye_distance = 20,
                                    .min_sharpness = 0.045f,
                                    .min_focus = 0.52f,
                                    .min_brightness = 0.08f,
                                    .max_brightness = 0.94f,
                                    .min_contrast = 0.03f,
                                    .max_yaw = 50,
                                    .max_pitch = 45,
                                    .max_roll = 45,
                                    .min_inside = 0.7f,
                                    .min_framed = 0.51f,
                                    .max_covered = 0.5f};
constexpr Limits kReferenceStrict{.min_eye_distance = 32,
                                  .min_sharpness = 0.09f,
                                  .min_focus = 0.56f,
                                  .min_brightness = 0.2f,
                                  .max_brightness = 0.85f,
                                  .min_contrast = 0.06f,
                                  .max_yaw = 25,
                                  .max_pitch = 25,
                                  .max_roll = 25,
                                  .min_inside = 0.9f,
                                  .min_framed = 0.6f,
                                  .max_covered = 0.3f};
// What keeps the false match rate among accepted photos within three times the stated one (docs/accuracy.md has each
// limit's curve), and asks for nothing else: a small face or a turned head makes false non-matches, not false matches.
constexpr Limits kProbeStandard{.min_eye_distance = 0,
                                .min_sharpness = 0,
                                .min_focus = 0.52f,
                                .min_brightness = 0.07f,
                                .max_brightness = 1,
                                .min_contrast = 0.01f,
                                .max_yaw = 90,
                                .max_pitch = 90,
                                .max_roll = 180,
                                .min_inside = 0.55f,
                                .min_framed = 0,
                                .max_covered = 0.5f};
constexpr Limits kProbeStrict{.min_eye_distance = 16,
                              .min_sharpness = 0.045f,
                              .min_focus = 0.55f,
                              .min_brightness = 0.08f,
                              .max_brightness = 0.94f,
                              .min_contrast = 0.03f,
                              .max_yaw = 50,
                              .max_pitch = 45,
                              .max_roll = 45,
                              .min_inside = 0.7f,
                              .min_framed = 0.4f,
                              .max_covered = 0.3f};

struct Finding {
  QualityIssue issue;
  std::string message;
};

std::string Percent(float share) { return absl::StrFormat("%.0f %%", 100 * share); }

// What is less than is needed must not read as what is needed.
std::string PercentBelow(float share) { return absl::StrFormat("%.0f %%", std::floor(100 * share)); }

std::vector<Finding> FindAgainst(const FaceQuality& quality, const Limits& limits) {
  std::vector<Finding> findings;
  const auto find = [&](bool wrong, QualityIssue issue, const auto& message) {
    if (wrong) findings.push_back({issue, message()});
  };
  find(quality.eye_distance < limits.min_eye_distance, QualityIssue::kTooSmall, [&] {
    return absl::StrFormat("the eyes are %.0f pixels apart; at least %.0f are needed", std::floor(quality.eye_distance),
                           limits.min_eye_distance);
  });
  const bool unsharp = quality.sharpness < limits.min_sharpness;
  find(unsharp || quality.focus < limits.min_focus, QualityIssue::kBlurred, [&] {
    return absl::StrFormat("the face is blurred: its %s is %.3f; at least %.3f is needed",
                           unsharp ? "sharpness" : "focus", unsharp ? quality.sharpness : quality.focus,
                           unsharp ? limits.min_sharpness : limits.min_focus);
  });
  find(quality.brightness < limits.min_brightness, QualityIssue::kTooDark, [&] {
    return absl::StrCat("the face is too dark: its brightness is ", PercentBelow(quality.brightness), "; at least ",
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
  const bool cut = quality.inside < limits.min_inside;
  find(cut || quality.framed < limits.min_framed, QualityIssue::kCutOff, [&] {
    return cut ? absl::StrCat("the photo's edge cuts the face off: ", PercentBelow(quality.inside),
                              " of its upper or lower half is inside; at least ", Percent(limits.min_inside),
                              " is needed")
               : absl::StrCat("the face is cut off by too tight a crop: ", PercentBelow(quality.framed),
                              " of the head is inside; at least ", Percent(limits.min_framed), " is needed");
  });
  find(quality.covered > limits.max_covered, QualityIssue::kCovered,
       [] { return std::string("mouth and nose, or the eyes, are covered: show the whole face"); });
  return findings;
}

std::vector<Finding> FindAt(const FaceQuality& quality, QualityGate gate, FaceRole role) {
  const bool probe = role == FaceRole::kProbe;
  switch (gate) {
    case QualityGate::kStandard:
      return FindAgainst(quality, probe ? kProbeStandard : kReferenceStandard);
    case QualityGate::kStrict:
      return FindAgainst(quality, probe ? kProbeStrict : kReferenceStrict);
    case QualityGate::kOff:
      return {};
  }
  return {};
}

}  // namespace

std::vector<QualityIssue> FindIssues(const FaceQuality& quality, QualityGate gate, FaceRole role) {
  std::vector<QualityIssue> issues;
  for (const Finding& finding : FindAt(quality, gate, role)) issues.push_back(finding.issue);
  return issues;
}

absl::Status CheckQuality(const FaceQuality& quality, QualityGate gate, FaceRole role) {
  const std::vector<Finding> findings = FindAt(quality, gate, role);
  if (findings.empty()) return absl::OkStatus();
  const absl::Status status = MakeError(Reason::FACE_QUALITY_TOO_LOW,
                                        absl::StrJoin(findings, "; ", [](std::string* out, const Finding& finding) {
                                          absl::StrAppend(out, finding.message);
                                        }));
  return WithIssues(status, absl::StrJoin(findings, ",", [](std::string* out, const Finding& finding) {
                      absl::StrAppend(out, IssueName(finding.issue));
                    }));
}

std::string IssueName(QualityIssue issue) {
  switch (issue) {
    case QualityIssue::kTooSmall:
      return "TOO_SMALL";
    case QualityIssue::kBlurred:
      return "BLURRED";
    case QualityIssue::kTooDark:
      return "TOO_DARK";
    case QualityIssue::kTooBright:
      return "TOO_BRIGHT";
    case QualityIssue::kLowContrast:
      return "LOW_CONTRAST";
    case QualityIssue::kYaw:
      return "YAW";
    case QualityIssue::kPitch:
      return "PITCH";
    case QualityIssue::kRoll:
      return "ROLL";
    case QualityIssue::kCutOff:
      return "CUT_OFF";
    case QualityIssue::kCovered:
      return "COVERED";
  }
  return "";
}

}  // namespace likeness
