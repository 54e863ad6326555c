// Turning a photo that does not stand upright. Pure functions.
#ifndef LIKENESS_SERVER_IMAGE_TURN_H_
#define LIKENESS_SERVER_IMAGE_TURN_H_

#include "server/image/face.h"
#include "server/image/picture.h"

namespace likeness {

// How far a picture is turned clockwise. The values are degrees.
enum class Turn { kNone = 0, kQuarter = 90, kHalf = 180, kThreeQuarters = 270 };

Picture Turned(const Picture& picture, Turn turn);

// Where a face of Turned(picture, turn) lies in the picture. Its landmarks keep their order: left and right are those
// of the turned picture.
Face TurnedBack(Face face, Turn turn, const Picture& picture);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_TURN_H_
