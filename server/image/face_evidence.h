// How much speaks for what was found being a face that stands upright. Pure functions.
//
// The networks that find faces were trained on upright ones. Of faces that lie on their side or stand on their head
// they still find about half, and place the landmarks as if the face stood upright, so that neither score nor landmarks
// tell. But they are less sure: the landmark network gives such a face a lower probability, above all before it has
// laid the face's box anew, and in its next round it puts the landmarks elsewhere. The same holds, more so, for a dog
// or a flower that looks like a face from afar.
#ifndef LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_
#define LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_

#include "server/image/face.h"

namespace likeness {

// The sum of the log-odds of the detector and of the landmark network's first and last round, less how far the
// landmarks moved between those. About 22 for a press photo, 2 for one upside down, -7 for things. Of the same face in
// the four turns of its photo, the upright one has the most.
double FaceEvidence(const Face& face);

// Whether there is enough evidence for a face at all.
bool IsFace(const Face& face);

// Whether there is so much evidence that no other turn of the photo needs a look.
bool IsCertainlyUpright(const Face& face);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_
