// How much speaks for what was found being a face that stands upright. Pure functions.
//
// The networks that find faces were trained on upright ones. Of faces that lie on their side or stand on their head
// they still find about half, and place the landmarks as if the face stood upright, so that neither score nor landmarks
// tell; nor does the score of a dog or a flower that looks like a face from afar. One output of the landmark network
// was trained for that (model/MODEL_CARD.md).
#ifndef LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_
#define LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_

#include "server/image/face.h"

namespace likeness {

// Face::upright. Endless where the bundle does not tell, so that every face counts as an upright one. Of the same face
// in the four turns of its photo, the upright one has the most.
double FaceEvidence(const Face& face);

// Whether there is enough evidence for a face at all.
bool IsFace(const Face& face);

// Whether there is enough for turning the photo. Things have three more chances to look like a face in the other turns,
// so more is asked for than in a photo that stands as it was sent.
// Never where the bundle does not tell.
bool IsWorthTurningFor(const Face& face);

// Whether there is so much evidence that no other turn of the photo needs a look.
bool IsCertainlyUpright(const Face& face);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_EVIDENCE_H_
