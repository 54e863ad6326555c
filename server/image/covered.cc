#include "server/image/covered.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "server/image/alignment.h"

namespace likeness {
namespace {

// Logistic regression on what the cells of a grid over the aligned crop hold: edges by direction (Dalal and Triggs
// 2005), lightness and tint, and how far these are from the middle of the face, which is skin unless it is covered.
// That says of any mask, whatever its color, that it is smooth, has an edge across the cheeks, and is not of the face's
// color.
constexpr int kCells = 7;  // a side
constexpr int kCellSide = kArcFaceSide / kCells;
constexpr int kCellCount = kCells * kCells;
constexpr int kDirections = 8;
constexpr int kFeatures = kCellCount * (kDirections + 7);

constexpr float kWeights[2][1 + kFeatures] = {
#include "server/image/covered_weights.inc"
};

using CellMeans = std::array<float, kCellCount>;

// One number for each pixel of the crop.
using Plane = std::vector<float>;

int CellOf(int x, int y) { return y / kCellSide * kCells + x / kCellSide; }

CellMeans MeansOf(const Plane& plane) {
  CellMeans means{};
  for (int y = 0; y < kArcFaceSide; ++y) {
    for (int x = 0; x < kArcFaceSide; ++x) means[CellOf(x, y)] += plane[y * kArcFaceSide + x];
  }
  for (float& mean : means) mean /= kCellSide * kCellSide;
  return means;
}

struct Planes {
  Plane light;  // luma, in standard deviations from the inner face's mean
  Plane red;    // red and blue beyond the luma, in units of the inner face's mean luma
  Plane blue;
};

Planes PlanesOf(const Picture& crop) {
  constexpr size_t kPixels = kArcFaceSide * kArcFaceSide;
  Planes planes{Plane(kPixels), Plane(kPixels), Plane(kPixels)};
  for (size_t i = 0; i < kPixels; ++i) {
    const float red = crop.rgb[3 * i] / 255.0f, green = crop.rgb[3 * i + 1] / 255.0f,
                blue = crop.rgb[3 * i + 2] / 255.0f;
    const float luma = 0.299f * red + 0.587f * green + 0.114f * blue;
    planes.light[i] = luma;
    planes.red[i] = red - luma;
    planes.blue[i] = blue - luma;
  }
  // Brows to chin, without hair and background.
  double sum = 0, squares = 0;
  int count = 0;
  for (int y = 28; y < 108; ++y) {
    for (int x = 24; x < 88; ++x, ++count) {
      const double luma = planes.light[y * kArcFaceSide + x];
      sum += luma;
      squares += luma * luma;
    }
  }
  const double mean = sum / count;
  const double deviation = std::max(std::sqrt(std::max(squares / count - mean * mean, 0.0)), 1.0 / 255);
  const double tint_unit = std::max(mean, 2.0 / 255);
  for (size_t i = 0; i < kPixels; ++i) {
    planes.light[i] = static_cast<float>((planes.light[i] - mean) / deviation);
    planes.red[i] = static_cast<float>(planes.red[i] / tint_unit);
    planes.blue[i] = static_cast<float>(planes.blue[i] / tint_unit);
  }
  return planes;
}

// Which of the equal sectors of a half turn a slope points into: 0…kDirections − 1, whichever way it rises.
int DirectionOf(float dx, float dy) {
  static const auto kSectors = [] {
    std::array<std::pair<float, float>, kDirections - 1> sectors;
    for (int i = 1; i < kDirections; ++i) {
      sectors[i - 1] = {static_cast<float>(std::sin(i * M_PI / kDirections)),
                        static_cast<float>(std::cos(i * M_PI / kDirections))};
    }
    return sectors;
  }();
  if (dy < 0) dx = -dx, dy = -dy;
  int direction = 0;
  for (const auto& [sine, cosine] : kSectors) direction += dy * cosine >= dx * sine ? 1 : 0;
  return direction;
}

// The root of the mean strength of the edges in each cell, by direction.
void AppendEdges(const Plane& light, std::vector<float>& features) {
  std::array<float, kCellCount * kDirections> strengths{};
  for (int y = 0; y < kArcFaceSide; ++y) {
    for (int x = 0; x < kArcFaceSide; ++x) {
      const float* at = light.data() + y * kArcFaceSide + x;
      const float dx = x > 0 && x + 1 < kArcFaceSide ? at[1] - at[-1] : 0;
      const float dy = y > 0 && y + 1 < kArcFaceSide ? at[kArcFaceSide] - at[-kArcFaceSide] : 0;
      strengths[CellOf(x, y) * kDirections + DirectionOf(dx, dy)] += std::sqrt(dx * dx + dy * dy);
    }
  }
  for (float strength : strengths) features.push_back(std::sqrt(strength / (kCellSide * kCellSide)));
}

// Each cell's mean, and how far it is from the middle of the face, under the eyes.
void AppendMeans(const CellMeans& means, std::vector<float>& features) {
  float middle = 0;
  for (int row = 2; row < 5; ++row) {
    for (int column = 2; column < 5; ++column) middle += means[row * kCells + column] / 9;
  }
  features.insert(features.end(), means.begin(), means.end());
  for (float mean : means) features.push_back(std::abs(mean - middle));
}

std::vector<float> FeaturesOf(const Picture& crop) {
  const Planes planes = PlanesOf(crop);
  std::vector<float> features;
  features.reserve(kFeatures);
  AppendEdges(planes.light, features);
  const CellMeans light = MeansOf(planes.light);
  AppendMeans(light, features);
  AppendMeans(MeansOf(planes.red), features);
  AppendMeans(MeansOf(planes.blue), features);
  Plane squares = planes.light;
  for (float& value : squares) value *= value;
  const CellMeans square = MeansOf(squares);
  for (int cell = 0; cell < kCellCount; ++cell) {
    features.push_back(std::sqrt(std::max(square[cell] - light[cell] * light[cell], 0.0f)));
  }
  return features;
}

float Probability(const float* weights, const std::vector<float>& features) {
  double sum = weights[0];
  for (size_t i = 0; i < features.size(); ++i) sum += static_cast<double>(weights[i + 1]) * features[i];
  return static_cast<float>(1 / (1 + std::exp(-sum)));
}

}  // namespace

Covering FindCovering(const Picture& crop) {
  if (crop.width != kArcFaceSide || crop.height != kArcFaceSide) return {};
  const std::vector<float> features = FeaturesOf(crop);
  return {.mouth = Probability(kWeights[0], features), .eyes = Probability(kWeights[1], features)};
}

}  // namespace likeness
