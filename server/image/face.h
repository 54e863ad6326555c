// A face found in a picture. Positions are in pixels of the upright picture, from its upper left corner. Where the
// picture is a photo at reduced size, Enlarged() makes them positions in the photo.
#ifndef LIKENESS_SERVER_IMAGE_FACE_H_
#define LIKENESS_SERVER_IMAGE_FACE_H_

#include <array>
#include <optional>

namespace likeness {

struct Point {
  float x = 0;
  float y = 0;
};

struct Box {
  float x = 0;  // left edge; may be negative where the face is cut off
  float y = 0;  // upper edge
  float width = 0;
  float height = 0;

  float Area() const { return width * height; }
  Point Centre() const { return {x + width / 2, y + height / 2}; }
};

// Left eye, right eye, nose, left and right mouth corner, as seen in the picture.
using Landmarks = std::array<Point, 5>;

struct Face {
  Box box;
  float score = 0;                     // the detector's probability of a face, 0…1
  std::optional<Landmarks> landmarks;  // none where the model needs no alignment
  // The landmark network's log-odds of a face that stands upright, against any other face and against things; none
  // where its bundle does not tell.
  std::optional<float> upright{};
};

// The same face in a picture that is `times` as wide and as high.
Face Enlarged(Face face, int times);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_H_
