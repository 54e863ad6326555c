// How much a face in a photo has to offer to a comparison: what was measured, and one score of it. Pure functions.
//
//   const Picture crop = AlignToArcFace(picture, *face.landmarks);
//   const FaceQuality quality = AssessQuality(picture, face, crop);
//
// The components are those of ISO/IEC 29794-5 that five landmarks and an aligned crop can tell. What is wrong with a
// face, and whether it is too much, is for quality_gate.h to say.
#ifndef LIKENESS_SERVER_IMAGE_FACE_QUALITY_H_
#define LIKENESS_SERVER_IMAGE_FACE_QUALITY_H_

#include "server/image/face.h"
#include "server/image/picture.h"

namespace likeness {

struct FaceQuality {
  float score = 0;         // 0…1, higher is better; it orders faces by how sure a comparison with them is
  float eye_distance = 0;  // between the eyes' centres, in pixels of the photo, > 0
  float sharpness = 0;     // fine detail as a share of the contrast, >= 0; about 0.14 in a press photo, 0.05 is blurred
  // Detail of the size of a lip or an eyelid, as a share of detail twice as coarse; about 0.78 in a press photo, 0.5 is
  // out of focus. Compression and low light leave it as it is, and a shadow across the face does too.
  float focus = 1;
  float brightness = 0;  // mean luma of the inner face, 0 black … 1 white
  float contrast = 0;    // standard deviation of that luma, 0…0.5
  // Where the head points, in degrees, estimated from five points on an average head: ±10 are noise.
  float yaw = 0;    // −90…90, positive to the right of the picture
  float pitch = 0;  // −90…90, positive upwards
  float roll = 0;   // −180…180, positive where the head is tilted clockwise
  // The share of the face that lies inside the photo, 0…1: of its upper half (brows to nose) or its lower half (nose to
  // chin), whichever has less, because half a face without the other is missing in no photo that the rate was measured
  // on.
  float inside = 1;
  float framed = 1;   // the share of all that an embedding network looks at, with hair, cheeks and neck, 0…1
  float covered = 0;  // how likely it is that something covers the mouth and nose, or the eyes, 0…1
};

// `face` lies in `picture` and must have landmarks; `crop` is what AlignToArcFace() made of them. All numbers are
// finite for the landmarks that a FaceFinder places. Takes about 0.1 ms whatever the picture's size. Thread-safe.
FaceQuality AssessQuality(const Picture& picture, const Face& face, const Picture& crop);

// The score of what was measured: AssessQuality() fills it in.
float QualityScore(const FaceQuality& quality);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_QUALITY_H_
