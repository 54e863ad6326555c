#include "server/image/turn.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <utility>
#include <vector>

#include "server/image/mat.h"

namespace likeness {

Picture Turned(const Picture& picture, Turn turn) {
  if (turn == Turn::kNone) return picture;
  const cv::RotateFlags flag = turn == Turn::kQuarter ? cv::ROTATE_90_CLOCKWISE
                               : turn == Turn::kHalf  ? cv::ROTATE_180
                                                      : cv::ROTATE_90_COUNTERCLOCKWISE;
  Picture turned{picture.width, picture.height, std::vector<uint8_t>(picture.rgb.size()), picture.reduction};
  if (turn != Turn::kHalf) std::swap(turned.width, turned.height);
  cv::Mat pixels = View(turned);
  cv::rotate(View(picture), pixels, flag);
  return turned;
}

Face TurnedBack(Face face, Turn turn, const Picture& picture) {
  const float width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
  const auto back = [&](Point point) {
    switch (turn) {
      case Turn::kQuarter:
        return Point{point.y, height - point.x};
      case Turn::kHalf:
        return Point{width - point.x, height - point.y};
      case Turn::kThreeQuarters:
        return Point{width - point.y, point.x};
      case Turn::kNone:
        break;
    }
    return point;
  };
  const Box& box = face.box;
  const Point one = back({box.x, box.y}), other = back({box.x + box.width, box.y + box.height});
  face.box =
      Box{std::min(one.x, other.x), std::min(one.y, other.y), std::abs(other.x - one.x), std::abs(other.y - one.y)};
  if (face.landmarks.has_value()) {
    for (Point& landmark : *face.landmarks) landmark = back(landmark);
  }
  return face;
}

}  // namespace likeness
