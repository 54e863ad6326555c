// A decoded photo.
#ifndef LIKENESS_SERVER_IMAGE_PICTURE_H_
#define LIKENESS_SERVER_IMAGE_PICTURE_H_

#include <cstdint>
#include <vector>

namespace likeness {

// Upright 8-bit RGB pixels: row after row, no padding, three bytes a pixel.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // width * height * 3
  // A pixel stands for this many of the photo in each direction; at the right and lower edge it may be fewer.
  int reduction = 1;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_PICTURE_H_
