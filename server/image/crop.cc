#include "server/image/crop.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "server/image/mat.h"

namespace likeness {
namespace {

// Averages where it shrinks. Halving is many times faster a pixel than averaging by any other ratio, so a picture far
// too large is halved first, as long as it has no odd pixel that would be lost.
void Resize(cv::Mat from, cv::Mat to) {
  while (from.cols >= 4 * to.cols && from.rows >= 4 * to.rows && from.cols % 2 == 0 && from.rows % 2 == 0) {
    cv::Mat halved;
    cv::resize(from, halved, from.size() / 2, 0, 0, cv::INTER_AREA);
    from = halved;
  }
  const bool shrinks = to.cols <= from.cols && to.rows <= from.rows;
  cv::resize(from, to, to.size(), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
}

Picture Black(int width, int height) {
  return Picture{width, height, std::vector<uint8_t>(static_cast<size_t>(width) * static_cast<size_t>(height) * 3)};
}

}  // namespace

Square SquareAround(const Box& box) {
  const Point centre = box.Centre();
  const float side = std::max(box.width, box.height);
  return Square{static_cast<int>(std::lround(centre.x - side / 2)), static_cast<int>(std::lround(centre.y - side / 2)),
                std::max(1, static_cast<int>(std::lround(side)))};
}

Picture CropSquare(const Picture& picture, const Square& square, int side) {
  const cv::Mat source = View(picture);
  const cv::Rect wanted(square.x, square.y, square.side, square.side);
  const cv::Rect inside = wanted & cv::Rect(0, 0, picture.width, picture.height);
  Picture crop = Black(side, side);
  if (inside.empty()) return crop;
  if (inside == wanted) {
    Resize(source(inside), View(crop));
    return crop;
  }
  cv::Mat padded(square.side, square.side, CV_8UC3, cv::Scalar::all(0));
  source(inside).copyTo(padded(inside - wanted.tl()));
  Resize(padded, View(crop));
  return crop;
}

Picture FitInto(const Picture& picture, int width, int height) {
  const double scale =
      std::min(static_cast<double>(width) / picture.width, static_cast<double>(height) / picture.height);
  const int fitted_width = std::clamp(static_cast<int>(std::lround(picture.width * scale)), 1, width);
  const int fitted_height = std::clamp(static_cast<int>(std::lround(picture.height * scale)), 1, height);
  Picture canvas = Black(width, height);
  Resize(View(picture), View(canvas)(cv::Rect(0, 0, fitted_width, fitted_height)));
  return canvas;
}

Picture DrawOut(const Picture& picture, int border) {
  cv::Mat drawn_out;
  cv::copyMakeBorder(View(picture), drawn_out, border, border, border, border, cv::BORDER_REPLICATE);
  return ToPicture(drawn_out);
}

}  // namespace likeness
