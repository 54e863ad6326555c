#include "server/image/face_quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "server/image/alignment.h"
#include "server/image/covered.h"
#include "server/image/mat.h"

namespace likeness {
namespace {

// Brows to chin of the aligned crop, without hair and background.
const cv::Rect kInnerFace(24, 28, 64, 80);
const cv::Rect kUpperHalf(kInnerFace.x, kInnerFace.y, kInnerFace.width, kInnerFace.height / 2);
const cv::Rect kLowerHalf = kUpperHalf + cv::Point(0, kUpperHalf.height);
const cv::Rect kWholeCrop(0, 0, kArcFaceSide, kArcFaceSide);

// An average head seen from the front, in distances between the eyes and between eyes and mouth: how far the tip of the
// nose stands out of the plane of eyes and mouth, and where on the way from the eyes to the mouth it lies.
constexpr double kNoseDepthInEyeDistances = 0.55;
constexpr double kNoseDepthInFaceHeights = 0.5;
constexpr double kNosePlace = 0.54;

double Cosine(double degrees) { return std::cos(degrees * CV_PI / 180); }

float Degrees(double radians) { return static_cast<float>(radians * 180 / CV_PI); }

Point Middle(const Point& a, const Point& b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

// Under a parallel projection a turned head moves its nose along the line between the eyes, a raised one along the line
// from the eyes to the mouth, both by depth × tangent in units that shrink with the turn as those lines do.
void MeasurePose(const Landmarks& landmarks, FaceQuality& quality) {
  const auto& [left_eye, right_eye, nose, left_mouth, right_mouth] = landmarks;
  const double eyes_x = right_eye.x - left_eye.x, eyes_y = right_eye.y - left_eye.y;
  const double eye_distance = std::max(1e-6, std::hypot(eyes_x, eyes_y));
  const Point brow = Middle(left_eye, right_eye), mouth = Middle(left_mouth, right_mouth);
  const double down_x = mouth.x - brow.x, down_y = mouth.y - brow.y;
  const double height = std::max(1e-6, std::hypot(down_x, down_y));
  const double nose_x = nose.x - brow.x, nose_y = nose.y - brow.y;
  const double place = (nose_x * down_x + nose_y * down_y) / (height * height);
  const double aside = ((nose_x - place * down_x) * eyes_x + (nose_y - place * down_y) * eyes_y) / eye_distance;
  quality.yaw = Degrees(std::atan(aside / (kNoseDepthInEyeDistances * eye_distance)));
  quality.pitch = Degrees(std::atan((kNosePlace - place) / kNoseDepthInFaceHeights));
  quality.roll = Degrees(std::atan2(eyes_y, eyes_x));
  quality.eye_distance = static_cast<float>(eye_distance);
}

// Of a blurred face the finest detail left is the blur's own, so what tells is how detail of one size stands to detail
// of the next: that ratio falls with the blur, and neither light nor noise nor blocks of compression move it much.
float MeasureFocus(const cv::Mat& grey) {
  std::array<cv::Mat, 3> smooth;  // each loses what is smaller than 1.6, 3.2, 6.4 pixels
  double sigma = 1.6;
  for (cv::Mat& level : smooth) {
    cv::GaussianBlur(grey, level, cv::Size(), sigma);
    sigma *= 2;
  }
  cv::Scalar mean, fine, coarse;
  cv::meanStdDev(cv::Mat(smooth[0] - smooth[1]), mean, fine);
  cv::meanStdDev(cv::Mat(smooth[1] - smooth[2]), mean, coarse);
  constexpr double kLeastDetail = 1e-4;  // of a face without any
  return static_cast<float>(fine[0] / std::max(coarse[0], kLeastDetail));
}

void MeasureLight(const Picture& crop, FaceQuality& quality) {
  const cv::Mat pixels = View(crop);
  cv::Mat luma, grey, smooth;
  cv::cvtColor(pixels(kInnerFace & cv::Rect(0, 0, pixels.cols, pixels.rows)), luma, cv::COLOR_RGB2GRAY);
  luma.convertTo(grey, CV_32F, 1.0 / 255);
  cv::Scalar mean, deviation;
  cv::meanStdDev(grey, mean, deviation);
  quality.brightness = static_cast<float>(mean[0]);
  quality.contrast = static_cast<float>(deviation[0]);
  // Relative to the contrast, because light that is low or flat takes both away alike; a face without any has no
  // detail.
  cv::GaussianBlur(grey, smooth, cv::Size(5, 5), 0);
  constexpr double kLeastContrast = 1.0 / 255;
  cv::Scalar detail_mean, detail;
  cv::meanStdDev(cv::Mat(grey - smooth), detail_mean, detail);
  quality.sharpness = static_cast<float>(detail[0] / std::max(deviation[0], kLeastContrast));
  quality.focus = MeasureFocus(grey);
}

// How much of `part`, a rectangle in the aligned crop, comes from inside the picture. The crop tells, not the
// detector's box: a detector lays its box inside the picture, however much of the face is missing there, and so does
// the landmark network with the eyes.
float ShareInside(const Similarity& to_crop, const cv::Rect& part, const Picture& picture) {
  constexpr int kStep = 2;
  const double square = to_crop.Scale() * to_crop.Scale();
  int inside = 0, all = 0;
  for (int y = part.y; y < part.y + part.height; y += kStep) {
    for (int x = part.x; x < part.x + part.width; x += kStep, ++all) {
      const double dx = x + kStep / 2.0 - 0.5 - to_crop.tx, dy = y + kStep / 2.0 - 0.5 - to_crop.ty;
      const double from_x = (to_crop.a * dx + to_crop.b * dy) / square;
      const double from_y = (to_crop.a * dy - to_crop.b * dx) / square;
      if (from_x >= -0.5 && from_x < picture.width - 0.5 && from_y >= -0.5 && from_y < picture.height - 0.5) ++inside;
    }
  }
  return static_cast<float>(inside) / static_cast<float>(all);
}

// 0 at `worst` and beyond, 1 at `best` and beyond, straight between; worst may be above best.
double Ramp(double value, double worst, double best) { return std::clamp((value - worst) / (best - worst), 0.0, 1.0); }

}  // namespace

float QualityScore(const FaceQuality& quality) {
  // Each factor is 1 where more would not help. Composed on half the people of LFW's development photos
  // (docs/accuracy.md). How bright skin is says little, so only what is darker than a third counts.
  const double size = Ramp(quality.eye_distance, 5, 40);
  const double sharpness = Ramp(quality.sharpness, 0.02, 0.18);
  const double light =
      std::min({Ramp(quality.brightness, 0, 0.3), Ramp(quality.brightness, 1, 0.8), Ramp(quality.contrast, 0, 0.08)});
  const double front = Cosine(quality.yaw) * Cosine(quality.pitch);
  const double upright = Ramp(std::abs(quality.roll), 90, 30);  // the alignment undoes what the detector still finds
  const double inside = Ramp(quality.inside, 0.3, 1);
  return static_cast<float>(std::sqrt(size * sharpness * light) * front * front * upright * inside);
}

FaceQuality AssessQuality(const Picture& picture, const Face& face, const Picture& crop) {
  FaceQuality quality;
  MeasurePose(*face.landmarks, quality);
  quality.eye_distance *= static_cast<float>(picture.reduction);
  MeasureLight(crop, quality);
  const Similarity to_crop = EstimateSimilarity(*face.landmarks, kArcFaceTemplate);
  quality.inside = std::min(ShareInside(to_crop, kUpperHalf, picture), ShareInside(to_crop, kLowerHalf, picture));
  quality.framed = ShareInside(to_crop, kWholeCrop, picture);
  const Covering covering = FindCovering(crop);
  quality.covered = std::max(covering.mouth, covering.eyes);
  quality.score = QualityScore(quality);
  return quality;
}

}  // namespace likeness
