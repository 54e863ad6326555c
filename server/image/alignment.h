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

// A square crop with a face in its middle: the ArcFace template's 112×112, magnified, with a margin around it.
struct AlignedFrame {
  double magnification = 1;
  int margin = 0;  // pixels of the crop, on each side

  int Side() const;            // pixels
  Landmarks Template() const;  // where the landmarks lie in the crop
};

inline constexpr AlignedFrame kArcFace112{};
// Holds also what networks look at that were trained on a wider view than ArcFace's, such as dlib's face chip.
inline constexpr AlignedFrame kArcFace192{.magnification = 1.5, .margin = 12};

// The face moved into the frame; black where the photo ends.
Picture AlignToArcFace(const Picture& picture, const Landmarks& landmarks, const AlignedFrame& frame = kArcFace112);

// The whole picture, resized: the alignment `none`.
Picture ResizeWhole(const Picture& picture, int width, int height);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_ALIGNMENT_H_
