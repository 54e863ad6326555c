// Which face of a picture is meant. Pure functions.
#ifndef LIKENESS_SERVER_IMAGE_FACE_CHOICE_H_
#define LIKENESS_SERVER_IMAGE_FACE_CHOICE_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/image/face.h"

namespace likeness {

enum class FacePolicy {
  kOnly,         // there must be exactly one
  kLargest,      // the largest box
  kMostCentral,  // the largest box area − 2 × squared distance of its centre from the picture's centre
};

// FACE_NOT_FOUND when there is none, SEVERAL_FACES when the policy is kOnly and there are several. Ties go to the
// first.
absl::StatusOr<Face> ChooseFace(absl::Span<const Face> faces, FacePolicy policy, int picture_width, int picture_height);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_CHOICE_H_
