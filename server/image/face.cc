#include "server/image/face.h"

namespace likeness {

Face Enlarged(Face face, int times) {
  const float factor = static_cast<float>(times);
  face.box = Box{face.box.x * factor, face.box.y * factor, face.box.width * factor, face.box.height * factor};
  if (face.landmarks.has_value()) {
    for (Point& point : *face.landmarks) point = Point{point.x * factor, point.y * factor};
  }
  return face;
}

}  // namespace likeness
