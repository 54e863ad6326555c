// What is wrong with a face, and whether it is too much to enrol it or to give it a verdict. Pure functions.
#ifndef LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_
#define LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/image/face_quality.h"

namespace likeness {

enum class QualityIssue {
  kTooSmall,
  kBlurred,
  kTooDark,
  kTooBright,
  kLowContrast,
  kYaw,
  kPitch,
  kRoll,
  kCutOff,
  kCovered,
};

// What a face is to serve as. A reference serves for years, so it must be good; a probe's verdict must only be one that
// the stated false match rate holds for.
enum class FaceRole { kReference, kProbe };

enum class QualityGate {
  kOff,       // every face passes
  kStandard,  // refuses what makes comparisons fail
  kStrict,    // refuses what makes them less sure: for a photo that is taken again in a moment
};

// What the gate refuses a face for, in the order of QualityIssue; empty where it passes. Of kOff always empty. What it
// refuses a probe for, it refuses a reference for too.
std::vector<QualityIssue> FindIssues(const FaceQuality& quality, QualityGate gate,
                                     FaceRole role = FaceRole::kReference);

// OK, or FACE_QUALITY_TOO_LOW with a message that says of each issue what was found and what is needed, and with the
// issues' names (IssuesOf()).
absl::Status CheckQuality(const FaceQuality& quality, QualityGate gate, FaceRole role = FaceRole::kReference);

// As v1::QualityIssue has it, without prefix: "CUT_OFF".
std::string IssueName(QualityIssue issue);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_
