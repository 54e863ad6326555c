#include "server/image/face_quality.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "server/image/mat.h"

namespace likeness {
namespace {

// Brows to chin of the aligned crop, without hair and background.
const cv::Rect kInnerFace(24, 28, 64, 80);

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
}

float ShareInside(const Box& box, const Picture& picture) {
  const float width = std::min(box.x + box.width, static_cast<float>(picture.width)) - std::max(box.x, 0.0f);
  const float height = std::min(box.y + box.height, static_cast<float>(picture.height)) - std::max(box.y, 0.0f);
  return std::max(width, 0.0f) * std::max(height, 0.0f) / box.Area();
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
  quality.inside = ShareInside(face.box, picture);
  quality.score = QualityScore(quality);
  return quality;
}

}  // namespace likeness
