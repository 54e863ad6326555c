// Any bytes as a photo: what they cost is bounded too.
#include <sys/resource.h>

#include <ctime>

#include "server/errors/errors.h"
#include "server/image/photo.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

#if defined(__SANITIZE_ADDRESS__)
#define LIKENESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIKENESS_SANITIZED 1
#endif
#endif
#ifdef LIKENESS_SANITIZED
// Several times slower, and freed memory is kept: -malloc_limit_mb bounds what is taken at once.
constexpr double kSlower = 10;
constexpr bool kCountsMemory = false;
#else
constexpr double kSlower = 1;
constexpr bool kCountsMemory = true;
#endif

constexpr double kMaxSeconds = 0.1;
// Between two questions whether to go on.
constexpr double kStep = 0.1 * kSlower;
// The largest picture that the limits below allow is 4 MB, and its coefficients 16 MB.
constexpr long kMostKilobytes = 64 << 10;

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

long PeakKilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace likeness;  // NOLINT(google-build-using-namespace)
  static const long peak_at_first = PeakKilobytes();
  const PhotoLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 20, .min_side = 1, .max_seconds = kMaxSeconds};
  const double start = ProcessorSeconds();
  const absl::StatusOr<Picture> picture = DecodePhoto(TextOf(data, size), limits);
  Promise(ProcessorSeconds() - start <= limits.max_seconds + kStep, "a photo costs no more time than it may");
  Promise(!kCountsMemory || PeakKilobytes() - peak_at_first <= kMostKilobytes, "a photo takes little memory");
  if (picture.ok()) {
    const int64_t pixels = int64_t{picture->width} * picture->height;
    Promise(pixels > 0 && pixels <= limits.max_pixels, "a picture has as many pixels as are allowed");
    Promise(static_cast<int64_t>(picture->rgb.size()) == 3 * pixels, "a picture has three bytes a pixel");
  } else {
    Promise(ReasonOf(picture.status()) != Reason::INTERNAL, "an error has a reason");
    Promise(picture.status().code() == absl::StatusCode::kInvalidArgument, "a bad photo is the caller's mistake");
  }
  return 0;
}
