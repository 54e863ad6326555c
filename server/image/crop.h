// Parts of a picture, scaled to a network's input. Private to image/.
#ifndef LIKENESS_SERVER_IMAGE_CROP_H_
#define LIKENESS_SERVER_IMAGE_CROP_H_

#include "server/image/face.h"
#include "server/image/picture.h"

namespace likeness {

// The square around a box's centre with the box's longer side, on whole pixels. It may stick out of the picture.
struct Square {
  int x = 0;
  int y = 0;
  int side = 0;
};

Square SquareAround(const Box& box);

// The square's pixels, `side` a side, area-averaged where it shrinks; black outside the picture.
Picture CropSquare(const Picture& picture, const Square& square, int side);

// The picture scaled to fit into width×height without changing its shape, in the upper left corner; black elsewhere.
Picture FitInto(const Picture& picture, int width, int height);

// The picture with `border` pixels more on each side, which repeat those of its edge.
Picture DrawOut(const Picture& picture, int border);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CROP_H_
