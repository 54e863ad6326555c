// How much work one photo may cause. A few bytes can ask for minutes of it: hundreds of scans over fifty megapixels, or
// a picture that is nothing but block headers. The decoders ask between rows of pixels and pieces of input.
#ifndef LIKENESS_SERVER_IMAGE_CODECS_DECODE_BUDGET_H_
#define LIKENESS_SERVER_IMAGE_CODECS_DECODE_BUDGET_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/errors/still_wanted.h"

namespace likeness {

// What a decoder may hold at a time, the picture that it makes included. A progressive JPEG keeps all its coefficients:
// 150 MB for 50 megapixels with a quarter of the chroma samples (4:2:0), as nearly all photos have.
inline constexpr int64_t kMostDecoderBytes = 180'000'000;

// One for each decoding; to be used by the thread that made it.
class DecodeBudget {
 public:
  // `max_seconds` of the thread's processor time from now on. `still_wanted` must outlive the budget.
  DecodeBudget(double max_seconds, StillWanted still_wanted);

  // OK as long as the work may go on: otherwise the error of `still_wanted`, or PHOTO_TOO_COSTLY. Cheap enough for
  // every row: it looks at most once in a few milliseconds.
  absl::Status Check();

 private:
  const double max_seconds_;
  const double start_;
  double next_look_ = 0;
  StillWanted still_wanted_;
};

// PHOTO_TOO_COSTLY with what to do about it. `why` continues "decoding the photo": "takes more memory than …".
absl::Status TooCostly(absl::string_view why);

// OK, or PHOTO_TOO_COSTLY for more than kMostDecoderBytes.
absl::Status CheckDecoderMemory(int64_t bytes);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CODECS_DECODE_BUDGET_H_
