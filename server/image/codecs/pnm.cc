// Binary PNM with 8-bit samples: P5 (grey) and P6 (RGB). The format is a short text header and raw samples
// (netpbm's pgm(5) and ppm(5)); no library in Debian reads it from memory without ending the process on an error.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"
#include "server/image/codecs/reduction.h"

namespace likeness {
namespace {

absl::Status Corrupt(absl::string_view why) { return MakeError(Reason::PHOTO_CORRUPT, why); }

// Takes the next decimal number off the header, past the white space and comments that must come before it. At most
// nine digits.
std::optional<int> TakeNumber(absl::string_view& rest) {
  const size_t before = rest.size();
  while (!rest.empty() && (absl::ascii_isspace(static_cast<unsigned char>(rest[0])) || rest[0] == '#')) {
    const size_t skip = rest[0] == '#' ? rest.find('\n') : 1;
    if (skip == absl::string_view::npos) return std::nullopt;
    rest.remove_prefix(skip);
  }
  size_t digits = 0;
  while (digits < rest.size() && absl::ascii_isdigit(static_cast<unsigned char>(rest[digits]))) ++digits;
  int number = 0;
  if (rest.size() == before || digits > 9 || !absl::SimpleAtoi(rest.substr(0, digits), &number)) return std::nullopt;
  rest.remove_prefix(digits);
  return number;
}

class PnmCodec : public Codec {
 public:
  PnmCodec(PhotoHeader header, size_t channels, int max_value, absl::string_view samples)
      : channels_(channels), max_value_(max_value), samples_(samples) {
    header_ = header;
  }

  absl::StatusOr<Picture> Decode(DecodeBudget& budget) override {
    const size_t row_samples = static_cast<size_t>(header_.width) * channels_;
    if (samples_.size() < row_samples * static_cast<size_t>(header_.height)) return Corrupt("the PNM is truncated");
    const int reduction = ReductionFor(header_.width, header_.height);
    const int64_t bytes = ReducedPicture::MemoryFor(header_.width, header_.height, reduction);
    if (absl::Status memory = CheckDecoderMemory(bytes); !memory.ok()) return memory;
    ReducedPicture picture(header_.width, header_.height, reduction);
    std::vector<uint8_t> row(static_cast<size_t>(header_.width) * 3);
    for (int y = 0; y < header_.height; ++y) {
      if (absl::Status status = budget.Check(); !status.ok()) return status;
      const absl::string_view samples = samples_.substr(static_cast<size_t>(y) * row_samples, row_samples);
      for (size_t i = 0; i < row.size(); ++i) {
        const uint8_t sample = static_cast<uint8_t>(samples[channels_ == 3 ? i : i / 3]);
        if (sample > max_value_) return Corrupt("the PNM has a sample above its own maximum");
        row[i] = static_cast<uint8_t>(sample * 255 / max_value_);
      }
      picture.Add(y, 0, 1, header_.width, row.data());
    }
    return picture.Take();
  }

 private:
  size_t channels_;
  int max_value_;
  absl::string_view samples_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenPnm(absl::string_view bytes) {
  const size_t channels = bytes[1] == '6' ? 3 : 1;
  absl::string_view rest = bytes.substr(2);
  const std::optional<int> width = TakeNumber(rest);
  const std::optional<int> height = width ? TakeNumber(rest) : std::nullopt;
  const std::optional<int> max_value = height ? TakeNumber(rest) : std::nullopt;
  if (!max_value || *width == 0 || *height == 0 || *max_value == 0 || rest.empty() ||
      !absl::ascii_isspace(static_cast<unsigned char>(rest[0]))) {
    return Corrupt("the PNM's header is damaged");
  }
  if (*max_value > 255) return MakeError(Reason::PHOTO_FORMAT_UNSUPPORTED, "the PNM has more than 8 bits a sample");
  rest.remove_prefix(1);  // exactly one white space ends the header
  return std::make_unique<PnmCodec>(PhotoHeader{*width, *height, Orientation::kUpright}, channels, *max_value, rest);
}

}  // namespace likeness
