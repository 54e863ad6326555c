// RFC 9649, section 3: the lossless bitstream, as far as the pixels. Only lengths are followed; no pixel has a value
// here.
#include "server/image/codecs/webp_codes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// libwebp's encoder writes 2,600 at most, one for each block of pixels. Tables of 4,000 are 50 MB at most.
constexpr int64_t kMostGroups = 4000;
constexpr int kGreens = 256 + 24;  // values, and lengths of copies
constexpr int kColors = 256;
constexpr int kDistances = 40;

int Blocks(int pixels, int bits) { return (pixels + (1 << bits) - 1) >> bits; }

class BitReader {
 public:
  explicit BitReader(absl::string_view bytes) : bytes_(bytes) {}

  // From the lowest bit on; zeros past the end.
  uint32_t Read(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) value |= Bit() << i;
    return value;
  }

  uint32_t Bit() {
    const size_t byte = next_ >> 3;
    if (byte >= bytes_.size()) {
      ended_ = true;
      return 0;
    }
    return static_cast<uint32_t>(static_cast<uint8_t>(bytes_[byte])) >> (next_++ & 7) & 1;
  }

  bool ended() const { return ended_; }

 private:
  absl::string_view bytes_;
  size_t next_ = 0;  // bit
  bool ended_ = false;
};

// A canonical prefix code (RFC 1951, 3.2.2). A code of one symbol has no bits.
class PrefixCode {
 public:
  static constexpr int kLongest = 15;

  // False where no symbol has a length.
  bool Make(const std::vector<int>& lengths) {
    counts_ = {};
    for (const int length : lengths) ++counts_[static_cast<size_t>(length)];
    counts_[0] = 0;
    symbols_.clear();
    for (int length = 1; length <= kLongest; ++length) {
      for (size_t symbol = 0; symbol < lengths.size(); ++symbol) {
        if (lengths[symbol] == length) symbols_.push_back(static_cast<int>(symbol));
      }
    }
    return !symbols_.empty();
  }

  // A symbol, or -1 for bits that are none.
  int Read(BitReader& bits) const {
    if (symbols_.size() == 1) return symbols_[0];
    int code = 0, first = 0, index = 0;
    for (size_t length = 1; length <= kLongest; ++length) {
      code |= static_cast<int>(bits.Bit());
      const int count = counts_[length];
      if (code - first < count) return symbols_[static_cast<size_t>(index + code - first)];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }

 private:
  std::array<int, kLongest + 1> counts_{};
  std::vector<int> symbols_;  // by length, then by value
};

class LosslessHeader {
 public:
  LosslessHeader(absl::string_view bytes, DecodeBudget& budget) : bits_(bytes), budget_(budget) {}

  // From behind the sizes up to the number of groups of prefix codes.
  absl::Status Check(int width, int height) {
    for (uint32_t seen = 0; bits_.Bit() == 1;) {
      const uint32_t type = bits_.Read(2);
      if (seen >> type & 1) return Corrupt();
      seen |= 1u << type;
      if (absl::Status status = SkipTransform(type, width, height); !status.ok()) return status;
    }
    if (bits_.Bit() == 1) bits_.Read(4);                                        // the color cache's size
    if (bits_.Bit() == 0) return bits_.ended() ? Corrupt() : absl::OkStatus();  // one group for all
    const int block = static_cast<int>(bits_.Read(3)) + 2;
    // A group is named by a pixel of this picture. Copies name no new one.
    const absl::StatusOr<int64_t> literals = CountLiterals(Blocks(width, block), Blocks(height, block));
    if (!literals.ok()) return literals.status();
    if (*literals <= kMostGroups) return absl::OkStatus();
    return TooCostly(
        absl::StrCat("takes ", *literals, " groups of prefix codes, and at most ", kMostGroups, " are read"));
  }

 private:
  static absl::Status Corrupt() { return MakeError(Reason::PHOTO_CORRUPT, "the WebP is damaged or truncated"); }

  // `width` becomes that of the pixels that are stored.
  absl::Status SkipTransform(uint32_t type, int& width, int height) {
    constexpr uint32_t kPredictor = 0, kColor = 1, kSubtractGreen = 2;
    if (type == kSubtractGreen) return absl::OkStatus();
    if (type == kPredictor || type == kColor) {
      const int block = static_cast<int>(bits_.Read(3)) + 2;
      return CountLiterals(Blocks(width, block), Blocks(height, block)).status();
    }
    const int colors = static_cast<int>(bits_.Read(8)) + 1;  // of a palette: several to a pixel where they are few
    width = Blocks(width, colors > 16 ? 0 : colors > 4 ? 1 : colors > 2 ? 2 : 3);
    return CountLiterals(colors, 1).status();
  }

  // Reads a picture that has one group of codes: how many of its pixels are no copies.
  absl::StatusOr<int64_t> CountLiterals(int width, int height) {
    const int cached = bits_.Bit() == 1 ? 1 << bits_.Read(4) : 0;
    std::array<PrefixCode, 5> codes;  // green, red, blue, alpha, distance
    const int sizes[] = {kGreens + cached, kColors, kColors, kColors, kDistances};
    for (size_t i = 0; i < codes.size(); ++i) {
      if (!ReadCode(sizes[i], codes[i])) return Corrupt();
    }
    int64_t literals = 0, tokens = 0;
    int64_t left = int64_t{width} * height;
    for (; left > 0; ++tokens) {
      if (tokens % 1024 == 0) {
        if (absl::Status status = budget_.Check(); !status.ok()) return status;
      }
      const int green = codes[0].Read(bits_);
      if (green < 0 || bits_.ended()) return Corrupt();
      if (green < kColors) {
        for (size_t i = 1; i <= 3; ++i) codes[i].Read(bits_);
        ++literals;
        --left;
      } else if (green < kGreens) {
        left -= ReadNumber(green - kColors);
        ReadNumber(std::max(0, codes[4].Read(bits_)));
      } else {
        --left;
      }
    }
    return bits_.ended() ? absl::StatusOr<int64_t>(Corrupt()) : literals;
  }

  // A length or a distance, whose upper bits are a symbol.
  int64_t ReadNumber(int symbol) {
    if (symbol < 4) return symbol + 1;
    const int extra = (symbol - 2) >> 1;
    return ((int64_t{2} + (symbol & 1)) << extra) + bits_.Read(extra) + 1;
  }

  bool ReadCode(int symbols, PrefixCode& code) {
    std::vector<int> lengths(static_cast<size_t>(std::max(symbols, kColors)));
    if (bits_.Bit() == 1) {  // one symbol or two
      const bool two = bits_.Bit() == 1;
      lengths[bits_.Read(bits_.Bit() == 1 ? 8 : 1)] = 1;
      if (two) lengths[bits_.Read(8)] = 1;
    } else if (!ReadLengths(symbols, lengths)) {
      return false;
    }
    lengths.resize(static_cast<size_t>(symbols));  // a symbol above is none, as libwebp has it
    return !bits_.ended() && code.Make(lengths);
  }

  bool ReadLengths(int symbols, std::vector<int>& lengths) {
    constexpr size_t kOrder[] = {17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    std::vector<int> code_lengths(std::size(kOrder));
    const size_t given = bits_.Read(4) + 4;
    for (size_t i = 0; i < given; ++i) code_lengths[kOrder[i]] = static_cast<int>(bits_.Read(3));
    PrefixCode code;
    if (!code.Make(code_lengths)) return false;
    int64_t most = symbols;
    if (bits_.Bit() == 1) most = 2 + int64_t{bits_.Read(2 + 2 * static_cast<int>(bits_.Read(3)))};
    if (most > symbols) return false;
    int previous = 8;
    for (int symbol = 0; symbol < symbols && most > 0; --most) {
      const int read = code.Read(bits_);
      if (read < 0 || bits_.ended()) return false;
      if (read < 16) {
        lengths[static_cast<size_t>(symbol++)] = read;
        if (read != 0) previous = read;
        continue;
      }
      const int times = read == 16   ? 3 + static_cast<int>(bits_.Read(2))
                        : read == 17 ? 3 + static_cast<int>(bits_.Read(3))
                                     : 11 + static_cast<int>(bits_.Read(7));
      if (symbol + times > symbols) return false;
      std::fill_n(lengths.begin() + symbol, times, read == 16 ? previous : 0);
      symbol += times;
    }
    return true;
  }

  BitReader bits_;
  DecodeBudget& budget_;
};

}  // namespace

absl::Status CheckPrefixCodes(absl::string_view webp, int width, int height, DecodeBudget& budget) {
  constexpr size_t kRiffHeader = 12, kChunkHeader = 8;
  constexpr size_t kSizes = 5;  // of a lossless picture: a signature, and 32 bits with width and height
  for (absl::string_view rest = webp.substr(std::min(webp.size(), kRiffHeader)); rest.size() >= kChunkHeader;) {
    const absl::string_view type = rest.substr(0, 4);
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) size |= static_cast<size_t>(static_cast<uint8_t>(rest[4 + i])) << (8 * i);
    const absl::string_view content = rest.substr(kChunkHeader, size);
    if (type == "VP8L" && content.size() >= kSizes) {
      return LosslessHeader(content.substr(kSizes), budget).Check(width, height);
    }
    if (type == "ALPH" && !content.empty() && (content[0] & 3) == 1) {  // compressed as a lossless picture is
      if (absl::Status status = LosslessHeader(content.substr(1), budget).Check(width, height); !status.ok()) {
        return status;
      }
    }
    if (type == "VP8 ") return absl::OkStatus();
    rest.remove_prefix(std::min(rest.size(), kChunkHeader + size + size % 2));
  }
  return absl::OkStatus();
}

}  // namespace likeness
