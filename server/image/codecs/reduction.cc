#include "server/image/codecs/reduction.h"

#include <algorithm>
#include <utility>

namespace likeness {
namespace {

constexpr int kEnoughOfTheShorterSide = 1000;
// Looking for a face in a larger one, in four turns, would cost more than decoding it.
constexpr int64_t kMostPixels = 8'000'000;
constexpr int kLargest = 8;

int64_t ReducedPixels(int width, int height, int reduction) {
  return int64_t{Reduced(width, reduction)} * Reduced(height, reduction);
}

}  // namespace

int ReductionFor(int width, int height) {
  int reduction = kLargest;
  while (reduction > 1 && std::min(width, height) / reduction < kEnoughOfTheShorterSide) reduction /= 2;
  while (reduction < kLargest && ReducedPixels(width, height, reduction) > kMostPixels) reduction *= 2;
  return reduction;
}

ReducedPicture::ReducedPicture(int width, int height, int reduction)
    : width_(width),
      height_(height),
      reduction_(reduction),
      picture_{Reduced(width, reduction), Reduced(height, reduction), {}, reduction} {
  while (1 << shift_ < reduction) ++shift_;
  const size_t samples = static_cast<size_t>(3 * ReducedPixels(width, height, reduction));
  if (reduction == 1) {
    picture_.rgb.resize(samples);
  } else {
    sums_.resize(samples);  // 8 x 8 pixels of 255 fit
  }
}

int64_t ReducedPicture::MemoryFor(int width, int height, int reduction) {
  return ReducedPixels(width, height, reduction) * (reduction == 1 ? 3 : 9);
}

void ReducedPicture::Add(int y, int first_x, int step, int count, const uint8_t* rgb) {
  const size_t row = static_cast<size_t>(y >> shift_) * static_cast<size_t>(picture_.width);
  const auto add = [&](auto* samples) {
    for (int i = 0, x = first_x; i < count; ++i, x += step) {
      auto* pixel = samples + 3 * (row + static_cast<size_t>(x >> shift_));
      for (int channel = 0; channel < 3; ++channel) {
        pixel[channel] = static_cast<std::remove_reference_t<decltype(*pixel)>>(pixel[channel] + rgb[3 * i + channel]);
      }
    }
  };
  if (sums_.empty()) {
    add(picture_.rgb.data());
  } else {
    add(sums_.data());
  }
}

Picture ReducedPicture::Take() {
  if (!sums_.empty()) {
    picture_.rgb.resize(sums_.size());
    size_t i = 0;
    for (int y = 0; y < picture_.height; ++y) {
      const int rows = std::min(reduction_, height_ - y * reduction_);
      for (int x = 0; x < picture_.width; ++x) {
        const int pixels = rows * std::min(reduction_, width_ - x * reduction_);
        for (int channel = 0; channel < 3; ++channel, ++i) {
          picture_.rgb[i] = static_cast<uint8_t>((sums_[i] + pixels / 2) / pixels);
        }
      }
    }
    sums_ = {};
  }
  return std::move(picture_);
}

}  // namespace likeness
