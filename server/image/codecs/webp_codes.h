// How many prefix codes a lossless WebP asks for. libwebp makes tables of 6 to 12 kB for each group of them before it
// decodes a pixel, all at once: 65,536 groups, which 300 kB of a file can name, are 400 MB and half a second.
#ifndef LIKENESS_SERVER_IMAGE_CODECS_WEBP_CODES_H_
#define LIKENESS_SERVER_IMAGE_CODECS_WEBP_CODES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/image/codecs/decode_budget.h"

namespace likeness {

// OK, or PHOTO_TOO_COSTLY for a WebP file (its alpha channel included) of more groups of prefix codes than encoders
// write; `width` and `height` are the file's. PHOTO_CORRUPT where the headers end too early or make no sense. Other
// errors are those of `budget`.
absl::Status CheckPrefixCodes(absl::string_view webp, int width, int height, DecodeBudget& budget);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_CODECS_WEBP_CODES_H_
