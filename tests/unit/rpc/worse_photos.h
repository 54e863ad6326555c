// A real face, and the same photo made worse.
#ifndef LIKENESS_TESTS_UNIT_RPC_WORSE_PHOTOS_H_
#define LIKENESS_TESTS_UNIT_RPC_WORSE_PHOTOS_H_

#include <algorithm>
#include <vector>

#include "server/image/alignment.h"
#include "server/image/photo.h"
#include "tests/support/files.h"
#include "tests/support/photos.h"

namespace likeness {

inline Picture Audrey() { return *DecodePhoto(ReadFile(PhotoPath("audrey.jpg")), {}); }

inline Picture Resized(const Picture& picture, double factor) {
  return ResizeWhole(picture, static_cast<int>(picture.width * factor), static_cast<int>(picture.height * factor));
}

// As from a distance: the eyes are 12 pixels apart instead of 121.
inline Picture Shrunken(const Picture& picture) { return Resized(picture, 0.1); }

// Each pixel the mean of those up to `radius` before and after it in its row; and the picture turned, for the columns.
inline Picture RowsBlurredAndTurned(const Picture& picture, int radius) {
  Picture turned{picture.height, picture.width, std::vector<uint8_t>(picture.rgb.size()), 1};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        int sum = 0;
        for (int dx = -radius; dx <= radius; ++dx) {
          const int from = std::clamp(x + dx, 0, picture.width - 1);
          sum += picture.rgb[static_cast<size_t>(3 * (y * picture.width + from) + channel)];
        }
        turned.rgb[static_cast<size_t>(3 * (x * picture.height + y) + channel)] =
            static_cast<uint8_t>(sum / (2 * radius + 1));
      }
    }
  }
  return turned;
}

// Out of focus: fine detail is gone, the size is as before.
inline Picture Blurred(Picture picture) {
  for (int pass = 0; pass < 4; ++pass) picture = RowsBlurredAndTurned(picture, 20);
  return picture;
}

inline Picture Darkened(Picture picture) {
  for (uint8_t& sample : picture.rgb) sample = static_cast<uint8_t>(sample / 16);
  return picture;
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_RPC_WORSE_PHOTOS_H_
