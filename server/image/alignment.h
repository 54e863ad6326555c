// Moves a face's landmarks onto the places where the embedding network expects them.
#ifndef LIKENESS_SERVER_IMAGE_ALIGNMENT_H_
#define LIKENESS_SERVER_IMAGE_ALIGNMENT_H_

#include "server/image/face.h"
#include "server/image/picture.h"

namespace likeness {

// A rotation, uniform scaling and shift: x' = a·x − b·y + tx, y' = b·x + a·y + ty.
struct Similarity {
  double a = 1;
  double b = 0;
  double tx = 0;
  double ty = 0;

  double Scale() const;
};

// The similarity that moves `from` onto `to` with the least sum of squared errors (Umeyama 1991, in the plane).
Similarity EstimateSimilarity(const Landmarks& from, const Landmarks& to);

// The 112×112 template that ArcFace-style networks are trained on (Deng et al. 2019).
extern const Landmarks kArcFaceTemplate;
inline constexpr int kArcFaceSide = 112;

// The face moved onto the ArcFace template, kArcFaceSide pixels a side; black where the photo ends.
Picture AlignToArcFace(const Picture& picture, const Landmarks& landmarks);

// The whole picture, resized: the alignment `none`.
Picture ResizeWhole(const Picture& picture, int width, int height);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_ALIGNMENT_H_
