// Pictures as OpenCV sees them. Private to image/.
#ifndef LIKENESS_SERVER_IMAGE_MAT_H_
#define LIKENESS_SERVER_IMAGE_MAT_H_

#include <cstdint>
#include <opencv2/core.hpp>

#include "server/image/picture.h"

namespace likeness {

// The picture's pixels without a copy; valid as long as the picture. Writing through it writes to the picture.
inline cv::Mat View(const Picture& picture) {
  return cv::Mat(picture.height, picture.width, CV_8UC3, const_cast<uint8_t*>(picture.rgb.data()));
}

// A picture of its own with these pixels, which must be stored without gaps.
inline Picture ToPicture(const cv::Mat& pixels) {
  return Picture{pixels.cols, pixels.rows, {pixels.datastart, pixels.dataend}};
}

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_MAT_H_
