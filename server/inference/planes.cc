#include "server/inference/planes.h"

#include <cstddef>

namespace likeness {

void AppendPlanes(absl::Span<const uint8_t> rgb, const Normalisation& normalisation, std::vector<float>& planes) {
  const size_t pixels = rgb.size() / 3;
  const size_t channels = normalisation.mean.size();
  const size_t start = planes.size();
  planes.resize(start + pixels * channels);
  for (size_t channel = 0; channel < channels; ++channel) {
    const float scale = 1 / normalisation.std[channel];
    const float offset = -normalisation.mean[channel] * scale;
    float* plane = planes.data() + start + channel * pixels;
    if (channels == 1) {
      for (size_t i = 0; i < pixels; ++i) {
        const uint8_t* pixel = rgb.data() + 3 * i;
        const float luma = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
        plane[i] = luma * scale + offset;
      }
    } else {
      for (size_t i = 0; i < pixels; ++i) plane[i] = rgb[3 * i + channel] * scale + offset;
    }
  }
}

}  // namespace likeness
