// What is wrong with a face, and whether it is too much to enrol it. Pure functions.
#ifndef LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_
#define LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_

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
};

enum class QualityGate {
  kOff,       // every face passes
  kStandard,  // refuses what makes comparisons fail
  kStrict,    // refuses what makes them less sure: for a photo that is taken again in a moment
};

// What the gate refuses a face for, in the order of QualityIssue; empty where it passes. Of kOff always empty.
std::vector<QualityIssue> FindIssues(const FaceQuality& quality, QualityGate gate);

// OK, or FACE_QUALITY_TOO_LOW with a message that says of each issue what was found and what is needed.
absl::Status CheckQuality(const FaceQuality& quality, QualityGate gate);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_QUALITY_GATE_H_
