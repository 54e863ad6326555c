// EXIF orientation: cameras store the sensor's rows and say how the picture was held (Exif 2.32, tag 0x0112).
#ifndef LIKENESS_SERVER_IMAGE_CODECS_ORIENTATION_H_
#define LIKENESS_SERVER_IMAGE_CODECS_ORIENTATION_H_

#include "absl/strings/string_view.h"
#include "server/image/picture.h"

namespace likeness {

// The tag's values: where row 0 and column 0 of the stored pixels belong in the upright picture.
enum class Orientation {
  kUpright = 1,           // top, left
  kMirrored = 2,          // top, right
  kHalfTurn = 3,          // bottom, right
  kFlipped = 4,           // bottom, left
  kTransposed = 5,        // left, top
  kQuarterTurnRight = 6,  // right, top: turn clockwise to view
  kTransversed = 7,       // right, bottom
  kQuarterTurnLeft = 8,   // left, bottom: turn counter-clockwise to view
};

// Whether a JPEG's APP1 segment with this content is EXIF: it has the heading "Exif\0\0".
bool IsExif(absl::string_view app1);

// The orientation in an EXIF block with or without its heading. kUpright when there is none or it makes no sense. Only
// the first directory is read, once: what else the block points at, itself perhaps, is not followed.
Orientation ReadOrientation(absl::string_view exif);

// Turns and mirrors stored pixels so that the picture stands upright.
Picture MakeUpright(Picture stored, Orientation orientation);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CODECS_ORIENTATION_H_
