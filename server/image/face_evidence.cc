#include "server/image/face_evidence.h"

#include <limits>

namespace likeness {
namespace {

// Chosen on photos of one half of the people; docs/accuracy.md has the figures of the other half.
constexpr double kLeast = -1;
constexpr double kWorthTurning = 1.5;
constexpr double kCertain = 2.5;

}  // namespace

double FaceEvidence(const Face& face) { return face.upright.value_or(std::numeric_limits<float>::infinity()); }

bool IsFace(const Face& face) { return FaceEvidence(face) >= kLeast; }

bool IsWorthTurningFor(const Face& face) { return face.upright.has_value() && FaceEvidence(face) >= kWorthTurning; }

bool IsCertainlyUpright(const Face& face) { return FaceEvidence(face) >= kCertain; }

}  // namespace likeness
