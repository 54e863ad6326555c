// Pixels as a network wants them: float planes, normalised.
#ifndef LIKENESS_SERVER_INFERENCE_PLANES_H_
#define LIKENESS_SERVER_INFERENCE_PLANES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace likeness {

// What becomes of an 8-bit value x: (x - mean) / std, one entry a channel. Three channels are red, green and blue; one
// is grey (ITU-R BT.601 luma).
struct Normalisation {
  std::vector<float> mean;
  std::vector<float> std;
};

// Appends the planes of an RGB picture (three bytes a pixel) to `planes`, channel by channel.
void AppendPlanes(absl::Span<const uint8_t> rgb, const Normalisation& normalisation, std::vector<float>& planes);

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_PLANES_H_
