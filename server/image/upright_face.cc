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

absl::StatusOr<UprightFace> FindUprightFace(const FaceFinder& finder, const Picture& picture, FacePolicy policy,
                                            StillWanted still_wanted) {
  TurnedLook best;
  std::optional<double> most_evidence;
  for (const Turn turn : {Turn::kNone, Turn::kQuarter, Turn::kHalf, Turn::kThreeQuarters}) {
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    const Picture turned = turn == Turn::kNone ? Picture() : Turned(picture, turn);
    const Picture& looked_at = turn == Turn::kNone ? picture : turned;
    absl::StatusOr<std::vector<Face>> faces = finder.Find(looked_at);
    if (!faces.ok()) return faces.status();
    if (faces->empty()) continue;
    const Face witness = Witness(*faces, policy, looked_at);
    if (turn != Turn::kNone && !IsWorthTurningFor(witness)) continue;
    const double evidence = FaceEvidence(witness);
    if (most_evidence.has_value() && evidence <= *most_evidence) continue;
    most_evidence = evidence;
    best = {turn, *std::move(faces)};
    if (turn == Turn::kNone && IsCertainlyUpright(witness)) break;
  }
  // Turned once more, so that no more than two large pictures are in memory at a time.
  std::optional<Picture> turned;
  if (best.turn != Turn::kNone) turned = Turned(picture, best.turn);
  const Picture& upright = turned.has_value() ? *turned : picture;
  const absl::StatusOr<Face> face = ChooseFace(best.faces, policy, upright.width, upright.height);
  if (!face.ok()) return face.status();
  return UprightFace{*face, best.turn, std::move(turned)};
}

}  // namespace likeness
