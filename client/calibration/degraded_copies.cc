#include "client/calibration/degraded_copies.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/image/photo.h"

namespace likeness {
namespace {

// The five landmarks, in pixels of the picture.
struct Points {
  cv::Point2f left_eye, right_eye, left_mouth, right_mouth;

  cv::Point2f Eyes() const { return (left_eye + right_eye) / 2; }
  cv::Point2f Mouth() const { return (left_mouth + right_mouth) / 2; }
  cv::Point2f Across() const { return right_eye - left_eye; }
  cv::Point2f Down() const { return Mouth() - Eyes(); }
  double EyeDistance() const { return std::max(1.0, cv::norm(Across())); }
};

double Between(SeededRandom& random, double low, double high) {
  constexpr size_t kSteps = 1024;
  return low + (high - low) * static_cast<double>(random.Below(kSteps + 1)) / kSteps;
}

template <size_t kCount>
cv::Scalar OneOf(SeededRandom& random, const std::array<cv::Scalar, kCount>& colors) {
  return colors[random.Below(kCount)];
}

cv::Mat Turned(const cv::Mat& picture, int code) {
  cv::Mat turned;
  cv::rotate(picture, turned, code);
  return turned;
}

cv::Mat Blurred(const cv::Mat& picture, double sigma) {
  cv::Mat blurred;
  cv::GaussianBlur(picture, blurred, cv::Size(), std::max(0.5, sigma));
  return blurred;
}

cv::Mat Darkened(const cv::Mat& picture, double factor) {
  cv::Mat dark;
  picture.convertTo(dark, CV_8U, factor);
  return dark;
}

void FillShape(cv::Mat& picture, const std::vector<cv::Point2f>& corners, const cv::Scalar& color) {
  std::vector<cv::Point> whole;
  for (const cv::Point2f& corner : corners) whole.emplace_back(cvRound(corner.x), cvRound(corner.y));
  cv::fillPoly(picture, std::vector<std::vector<cv::Point>>{whole}, color, cv::LINE_AA);
}

// From below the eyes to below the chin.
cv::Mat WithMask(const cv::Mat& picture, const Points& at, SeededRandom& random) {
  static const std::array<cv::Scalar, 6> kColors = {
      cv::Scalar(150, 200, 230), {240, 240, 240}, {20, 20, 25}, {90, 140, 200}, {60, 60, 120}, {200, 220, 210}};
  cv::Mat masked = picture.clone();
  const cv::Point2f across = at.Across() * static_cast<float>(Between(random, 0.85, 1.15));
  const cv::Point2f down = at.Down();
  const auto below_eyes = [&](double share) { return at.Eyes() + down * static_cast<float>(share); };
  const cv::Point2f upper = below_eyes(Between(random, 0.35, 0.6));
  const cv::Point2f lower = below_eyes(1.35);
  FillShape(masked,
            {upper - across, below_eyes(Between(random, 0.3, 0.5)), upper + across, lower + across * 0.8F,
             below_eyes(Between(random, 1.75, 2.0)), lower - across * 0.8F},
            OneOf(random, kColors));
  return masked;
}

cv::Mat WithSunglasses(const cv::Mat& picture, const Points& at, SeededRandom& random) {
  static const std::array<cv::Scalar, 3> kColors = {cv::Scalar(10, 10, 10), {30, 20, 15}, {40, 40, 50}};
  cv::Mat covered = picture.clone();
  const cv::Scalar color = OneOf(random, kColors);
  const cv::Point2f across = at.Across();
  if (random.Below(3) == 0) {  // a bar
    const cv::Point2f aside = across * 0.45F;
    const cv::Point2f up = cv::Point2f(across.y, -across.x) * static_cast<float>(Between(random, 0.22, 0.3));
    FillShape(
        covered,
        {at.left_eye - aside + up, at.right_eye + aside + up, at.right_eye + aside - up, at.left_eye - aside - up},
        color);
    return covered;
  }
  const double distance = at.EyeDistance();
  const cv::Size2f size(static_cast<float>(distance * Between(random, 0.72, 0.92)),
                        static_cast<float>(distance * Between(random, 0.52, 0.72)));
  const double angle = std::atan2(across.y, across.x) * 180 / CV_PI;
  for (const cv::Point2f& eye : {at.left_eye, at.right_eye}) {
    cv::ellipse(covered, cv::RotatedRect(eye, size, static_cast<float>(angle)), color, cv::FILLED, cv::LINE_AA);
  }
  cv::line(covered, at.left_eye, at.right_eye, color, std::max(1, cvRound(distance * 0.06)));
  return covered;
}

// What is left below, or above, a height, which is kept off the edges.
cv::Mat CutOff(const cv::Mat& picture, float height, bool keep_below) {
  constexpr int kFewestRows = 25;
  const int row = std::clamp(cvRound(height), std::min(kFewestRows, picture.rows / 2),
                             std::max(picture.rows - kFewestRows, picture.rows / 2));
  return keep_below ? picture.rowRange(row, picture.rows).clone() : picture.rowRange(0, row).clone();
}

struct Degradation {
  absl::string_view name;
  std::function<cv::Mat(const cv::Mat&, const Points&, SeededRandom&)> apply;
};

const std::vector<Degradation>& All() {
  using Random = SeededRandom;
  const auto turned = [](int code) {
    return [code](const cv::Mat& picture, const Points&, Random&) { return Turned(picture, code); };
  };
  // Eyes are 42 of 250 pixels apart in a press photo: 0.07, 0.12 and 0.19 of that are 3, 5 and 8 pixels.
  const auto blurred = [](double low, double high) {
    return [low, high](const cv::Mat& picture, const Points& at, Random& random) {
      return Blurred(picture, at.EyeDistance() * Between(random, low, high));
    };
  };
  const auto darkened = [](double low, double high) {
    return [low, high](const cv::Mat& picture, const Points&, Random& random) {
      return Darkened(picture, Between(random, low, high));
    };
  };
  static const auto& all = *new std::vector<Degradation>{
      {"turned 90", turned(cv::ROTATE_90_CLOCKWISE)},
      {"turned 180", turned(cv::ROTATE_180)},
      {"turned 270", turned(cv::ROTATE_90_COUNTERCLOCKWISE)},
      {"blurred", blurred(0.06, 0.09)},
      {"blurred more", blurred(0.1, 0.14)},
      {"blurred most", blurred(0.16, 0.22)},
      {"dark", darkened(0.15, 0.25)},
      {"very dark", darkened(0.07, 0.13)},
      {"cut off above", [](const cv::Mat& p, const Points& at, Random&) { return CutOff(p, at.Eyes().y, true); }},
      {"cut off below", [](const cv::Mat& p, const Points& at, Random&) { return CutOff(p, at.Mouth().y, false); }},
      {"medical mask", &WithMask},
      {"sunglasses", &WithSunglasses},
      {"compressed", [](const cv::Mat& p, const Points&, Random&) { return p; }},
  };
  return all;
}

// A binary PNM file, which loses nothing.
std::string ToPnm(const cv::Mat& picture) {
  std::string file = absl::StrCat("P6\n", picture.cols, " ", picture.rows, "\n255\n");
  for (int row = 0; row < picture.rows; ++row) {
    file.append(reinterpret_cast<const char*>(picture.ptr(row)), static_cast<size_t>(picture.cols) * 3);
  }
  return file;
}

absl::StatusOr<std::string> ToPoorJpeg(const cv::Mat& picture) {
  constexpr int kQuality = 5;
  const std::unique_ptr<void, int (*)(tjhandle)> compressor(tjInitCompress(), &tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): TurboJPEG's
  const int failed = tjCompress2(compressor.get(), picture.data, picture.cols, static_cast<int>(picture.step[0]),
                                 picture.rows, TJPF_RGB, &bytes, &size, TJSAMP_420, kQuality, 0);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(bytes, &tjFree);
  if (failed != 0) return absl::InternalError(tjGetErrorStr2(compressor.get()));
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

// So that a copy, which is not compressed, is no larger than a server takes; more than its networks see of any face.
constexpr int kLongestSide = 1600;

cv::Mat Shrunk(const cv::Mat& picture) {
  const double scale = static_cast<double>(kLongestSide) / std::max(picture.cols, picture.rows);
  if (scale >= 1) return picture;
  cv::Mat shrunk;
  cv::resize(picture, shrunk, cv::Size(), scale, scale, cv::INTER_AREA);
  return shrunk;
}

// In the copy's pixels, of which there are `shrink` for each of the photo's in each direction.
Points PointsOf(const v1::Face& face, float shrink) {
  const auto at = [&](int i) { return cv::Point2f(face.landmarks(i).x() * shrink, face.landmarks(i).y() * shrink); };
  return {.left_eye = at(0), .right_eye = at(1), .left_mouth = at(3), .right_mouth = at(4)};
}

}  // namespace

absl::Span<const absl::string_view> Degradations() {
  static const auto& names = *[] {
    auto* list = new std::vector<absl::string_view>;
    for (const Degradation& degradation : All()) list->push_back(degradation.name);
    return list;
  }();
  return names;
}

absl::StatusOr<std::string> Degrade(absl::string_view photo, absl::string_view degradation, const v1::Face& face,
                                    SeededRandom& random, const PhotoLimits& limits) {
  constexpr int kLandmarks = 5;
  if (face.landmarks_size() != kLandmarks) return absl::InvalidArgumentError("the face has no landmarks");
  const auto chosen =
      std::find_if(All().begin(), All().end(), [&](const Degradation& one) { return one.name == degradation; });
  if (chosen == All().end()) return absl::InvalidArgumentError(absl::StrCat("nothing is called ", degradation));
  absl::StatusOr<Picture> picture = DecodePhoto(photo, limits);
  if (!picture.ok()) return picture.status();
  const cv::Mat pixels(picture->height, picture->width, CV_8UC3, picture->rgb.data());
  const cv::Mat original = Shrunk(pixels);
  const float shrink = static_cast<float>(original.cols) / static_cast<float>(pixels.cols * picture->reduction);
  const cv::Mat worse = chosen->apply(original, PointsOf(face, shrink), random);
  if (degradation == "compressed") return ToPoorJpeg(worse);
  return ToPnm(worse);
}

}  // namespace likeness
