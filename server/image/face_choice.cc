#include "server/image/face_choice.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

float Centrality(const Face& face, Point picture_centre) {
  const Point centre = face.box.Centre();
  const float dx = centre.x - picture_centre.x;
  const float dy = centre.y - picture_centre.y;
  return face.box.Area() - 2 * (dx * dx + dy * dy);
}

}  // namespace

absl::StatusOr<Face> ChooseFace(absl::Span<const Face> faces, FacePolicy policy, int picture_width,
                                int picture_height) {
  if (faces.empty()) return MakeError(Reason::FACE_NOT_FOUND, "no face was found in the photo");
  if (faces.size() > 1 && policy == FacePolicy::kOnly) {
    return MakeError(Reason::SEVERAL_FACES, absl::StrCat(faces.size(), " faces were found in the photo and the policy ",
                                                         "asks for exactly one; crop it, or choose another policy"));
  }
  const Point centre{static_cast<float>(picture_width) / 2, static_cast<float>(picture_height) / 2};
  const auto rank = [&](const Face& face) {
    return policy == FacePolicy::kMostCentral ? Centrality(face, centre) : face.box.Area();
  };
  return *std::max_element(faces.begin(), faces.end(), [&](const Face& a, const Face& b) { return rank(a) < rank(b); });
}

}  // namespace likeness
