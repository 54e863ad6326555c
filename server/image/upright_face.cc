#include "server/image/upright_face.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/image/face_evidence.h"

namespace likeness {
namespace {

// What was found in one turn of the photo.
struct TurnedLook {
  Turn turn = Turn::kNone;
  std::optional<Picture> turned;
  std::vector<Face> faces;
};

// The face that says which way up the photo is: the one that is meant. Where several are found and none is meant, that
// is the most certain of them.
Face Witness(absl::Span<const Face> faces, FacePolicy policy, const Picture& picture) {
  const absl::StatusOr<Face> chosen = ChooseFace(faces, policy, picture.width, picture.height);
  if (chosen.ok()) return *chosen;
  return *std::max_element(faces.begin(), faces.end(),
                           [](const Face& a, const Face& b) { return FaceEvidence(a) < FaceEvidence(b); });
}

}  // namespace

absl::StatusOr<UprightFace> FindUprightFace(const FaceFinder& finder, const Picture& picture, FacePolicy policy) {
  TurnedLook best;
  std::optional<Face> best_witness;
  for (const Turn turn : {Turn::kNone, Turn::kQuarter, Turn::kHalf, Turn::kThreeQuarters}) {
    std::optional<Picture> turned;
    if (turn != Turn::kNone) turned = Turned(picture, turn);
    const Picture& looked_at = turned.has_value() ? *turned : picture;
    absl::StatusOr<std::vector<Face>> faces = finder.Find(looked_at);
    if (!faces.ok()) return faces.status();
    if (faces->empty()) continue;
    const Face witness = Witness(*faces, policy, looked_at);
    if (best_witness.has_value() && !(FaceEvidence(witness) > FaceEvidence(*best_witness))) continue;
    best = {turn, std::move(turned), *std::move(faces)};
    best_witness = witness;
    if (turn == Turn::kNone && IsCertainlyUpright(witness)) break;
  }
  const Picture& upright = best.turned.has_value() ? *best.turned : picture;
  const absl::StatusOr<Face> face = ChooseFace(best.faces, policy, upright.width, upright.height);
  if (!face.ok()) return face.status();
  return UprightFace{*face, best.turn, std::move(best.turned)};
}

}  // namespace likeness
