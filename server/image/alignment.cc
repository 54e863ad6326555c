#include "server/image/alignment.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "server/image/mat.h"

namespace likeness {
namespace {

// The part of the picture that the side×side crop shows, with `spare` pixels around it.
cv::Rect SourceOf(const Similarity& to_crop, int side, cv::Size picture, int spare) {
  const double squared = to_crop.a * to_crop.a + to_crop.b * to_crop.b;
  double left = picture.width, top = picture.height, right = 0, bottom = 0;
  for (const auto& [u, v] : {std::pair{0, 0}, {side, 0}, {0, side}, {side, side}}) {
    const double x = (to_crop.a * (u - to_crop.tx) + to_crop.b * (v - to_crop.ty)) / squared;
    const double y = (to_crop.a * (v - to_crop.ty) - to_crop.b * (u - to_crop.tx)) / squared;
    left = std::min(left, x);
    right = std::max(right, x);
    top = std::min(top, y);
    bottom = std::max(bottom, y);
  }
  // Landmarks may lie anywhere, so positions are clamped to the picture before they become whole numbers.
  const auto clamped = [](double x, double y, cv::Size size) {
    return cv::Point(cvFloor(std::clamp<double>(x, 0, size.width)), cvFloor(std::clamp<double>(y, 0, size.height)));
  };
  return cv::Rect(clamped(left - spare, top - spare, picture),
                  clamped(std::ceil(right) + spare + 1, std::ceil(bottom) + spare + 1, picture));
}

}  // namespace

const Landmarks kArcFaceTemplate = {
    {{38.2946f, 51.6963f}, {73.5318f, 51.5014f}, {56.0252f, 71.7366f}, {41.5493f, 92.3655f}, {70.7299f, 92.2041f}}};

int AlignedFrame::Side() const { return cvRound(kArcFaceSide * magnification) + 2 * margin; }

Landmarks AlignedFrame::Template() const {
  // A pixel's position is that of its centre, half a pixel from the edge that stays in place when it is magnified.
  const auto moved = [this](float at) { return static_cast<float>((at + 0.5) * magnification - 0.5 + margin); };
  Landmarks landmarks = kArcFaceTemplate;
  for (Point& point : landmarks) point = {moved(point.x), moved(point.y)};
  return landmarks;
}

double Similarity::Scale() const { return std::hypot(a, b); }

Similarity EstimateSimilarity(const Landmarks& from, const Landmarks& to) {
  // In the plane a similarity is z → w·z + t with complex w, and least squares has a closed form.
  double from_x = 0, from_y = 0, to_x = 0, to_y = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    from_x += from[i].x / static_cast<double>(from.size());
    from_y += from[i].y / static_cast<double>(from.size());
    to_x += to[i].x / static_cast<double>(from.size());
    to_y += to[i].y / static_cast<double>(from.size());
  }
  double real = 0, imaginary = 0, spread = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const double x = from[i].x - from_x, y = from[i].y - from_y;
    const double u = to[i].x - to_x, v = to[i].y - to_y;
    real += x * u + y * v;
    imaginary += x * v - y * u;
    spread += x * x + y * y;
  }
  Similarity similarity;
  similarity.a = real / spread;
  similarity.b = imaginary / spread;
  similarity.tx = to_x - similarity.a * from_x + similarity.b * from_y;
  similarity.ty = to_y - similarity.b * from_x - similarity.a * from_y;
  return similarity;
}

Picture AlignToArcFace(const Picture& picture, const Landmarks& landmarks, const AlignedFrame& frame) {
  const int side = frame.Side();
  const Landmarks target = frame.Template();
  Similarity to_crop = EstimateSimilarity(landmarks, target);
  cv::Mat source = View(picture);
  const double scale = to_crop.Scale();
  constexpr double kMostShrink = 1e6;  // more than any picture has pixels a side
  if (const int shrink = scale > 0 ? cvFloor(std::min(1 / scale, kMostShrink)) : 0; shrink >= 2) {
    // Bilinear sampling skips pixels when it shrinks, so a large face is first averaged down.
    const cv::Rect region = SourceOf(to_crop, side, source.size(), shrink);
    // Whole multiples, because averaging by a whole number is several times faster.
    const cv::Size smaller_size = region.size() / shrink;
    if (!smaller_size.empty()) {
      cv::Mat smaller;
      cv::resize(source(cv::Rect(region.tl(), smaller_size * shrink)), smaller, smaller_size, 0, 0, cv::INTER_AREA);
      Landmarks moved = landmarks;
      const float factor = static_cast<float>(shrink);
      for (Point& point : moved) {
        point.x = (point.x - static_cast<float>(region.x) + 0.5f) / factor - 0.5f;
        point.y = (point.y - static_cast<float>(region.y) + 0.5f) / factor - 0.5f;
      }
      to_crop = EstimateSimilarity(moved, target);
      source = smaller;
    }
  }
  const cv::Matx23d matrix(to_crop.a, -to_crop.b, to_crop.tx, to_crop.b, to_crop.a, to_crop.ty);
  cv::Mat crop;
  cv::warpAffine(source, crop, matrix, cv::Size(side, side), cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  return ToPicture(crop);
}

Picture ResizeWhole(const Picture& picture, int width, int height) {
  cv::Mat resized;
  const bool shrinks = width < picture.width && height < picture.height;
  cv::resize(View(picture), resized, cv::Size(width, height), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  return ToPicture(resized);
}

}  // namespace likeness
