// Finds the face that is meant in a photo, whichever way up the photo is.
//
//   absl::StatusOr<UprightFace> found = FindUprightFace(finder, picture, FacePolicy::kOnly, still_wanted);
//   const Picture& upright = found->turned.has_value() ? *found->turned : picture;
//
// A photo whose face is certainly upright is looked at once. Any other is looked at in all four turns, and the turn
// with the most evidence (face_evidence.h) is the one; then the policy chooses anew, among the faces of the turned
// photo.
#ifndef LIKENESS_SERVER_IMAGE_UPRIGHT_FACE_H_
#define LIKENESS_SERVER_IMAGE_UPRIGHT_FACE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "server/errors/still_wanted.h"
#include "server/image/face.h"
#include "server/image/face_choice.h"
#include "server/image/face_finder.h"
#include "server/image/picture.h"
#include "server/image/turn.h"

namespace likeness {

struct UprightFace {
  Face face;  // where it lies in the turned picture
  Turn turn = Turn::kNone;
  std::optional<Picture> turned;  // none where the picture stands upright as it is
};

// `still_wanted` is asked before each look; its error ends the search. Other errors are those of FaceFinder::Find() and
// ChooseFace(). Thread-safe.
absl::StatusOr<UprightFace> FindUprightFace(const FaceFinder& finder, const Picture& picture, FacePolicy policy,
                                            StillWanted still_wanted);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_UPRIGHT_FACE_H_
