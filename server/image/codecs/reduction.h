// Large photos are decoded to a half, a quarter or an eighth of their size: a small face then still has all the pixels
// that the networks look at, which see 320 of the photo's width and 112 of a face's.
#ifndef LIKENESS_SERVER_IMAGE_CODECS_REDUCTION_H_
#define LIKENESS_SERVER_IMAGE_CODECS_REDUCTION_H_

#include <cstdint>
#include <vector>

#include "server/image/picture.h"

namespace likeness {

// The largest of 1, 2, 4 and 8 that leaves the shorter side 1,000 pixels; more where the picture would have more than
// 8 megapixels (24 MB) otherwise.
int ReductionFor(int width, int height);

// How many pixels stay of `pixels`: those at the edge may stand for fewer.
inline int Reduced(int pixels, int reduction) { return (pixels + reduction - 1) / reduction; }

// Averages the pixels of a photo into the reduced picture while they are decoded, so that all of them are never held.
class ReducedPicture {
 public:
  ReducedPicture(int width, int height, int reduction);

  // What it holds, at most, in bytes.
  static int64_t MemoryFor(int width, int height, int reduction);

  // `count` pixels of row `y`, three bytes each: those in columns `first_x`, `first_x` + `step`, … Each pixel of the
  // photo must come once.
  void Add(int y, int first_x, int step, int count, const uint8_t* rgb);

  // The picture. Nothing is left.
  Picture Take();

 private:
  const int width_;  // of the photo
  const int height_;
  const int reduction_;
  int shift_ = 0;               // log2 of the reduction
  std::vector<uint16_t> sums_;  // of the pixels that a reduced one stands for; empty without a reduction
  Picture picture_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CODECS_REDUCTION_H_
