#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"
#include "server/image/codecs/reduction.h"

namespace likeness {
namespace {

// What the pixels take once inflated, as they are stored. 24 megapixels of RGBA with 16 bits are 192 MB, and 0.4 s.
constexpr int64_t kMostInflatedBytes = 205'000'000;
// Adam7 (PNG third edition, 8.1): a picture that is not interlaced has one pass.
constexpr int kPasses = PNG_INTERLACE_ADAM7_PASSES;

// The content of the PNG's eXIf chunk (PNG third edition, 11.3.4.5). Empty when there is none before the pixels.
absl::string_view FindExif(absl::string_view png) {
  constexpr size_t kSignature = 8;
  constexpr size_t kLength = 4;
  constexpr size_t kType = 4;
  constexpr size_t kChecksum = 4;
  absl::string_view rest = png.substr(kSignature);
  while (rest.size() >= kLength + kType) {
    size_t length = 0;
    for (size_t i = 0; i < kLength; ++i) length = length << 8 | static_cast<uint8_t>(rest[i]);
    const absl::string_view type = rest.substr(kLength, kType);
    rest.remove_prefix(kLength + kType);
    if (type == "IDAT" || length + kChecksum > rest.size()) break;
    if (type == "eXIf") return rest.substr(0, length);
    rest.remove_prefix(length + kChecksum);
  }
  return {};
}

// Lays pixels on white: RGBA to RGB, in place.
void LayOnWhite(uint8_t* row, int pixels) {
  const uint8_t* from = row;
  for (int pixel = 0; pixel < pixels; ++pixel, from += 4, row += 3) {
    const int alpha = from[3];
    for (int channel = 0; channel < 3; ++channel) {
      row[channel] = static_cast<uint8_t>((from[channel] * alpha + 255 * (255 - alpha)) / 255);
    }
  }
}

class PngCodec : public Codec {
 public:
  explicit PngCodec(absl::string_view bytes) : bytes_(bytes), rest_(bytes) {}
  ~PngCodec() override { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngCodec(const PngCodec&) = delete;
  PngCodec& operator=(const PngCodec&) = delete;

  absl::Status ReadHeader() {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, OnError, [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) return MakeError(Reason::INTERNAL, "the PNG decoder cannot be started");
    if (!Guarded([this] { ReadInfo(); })) return Corrupt();
    const png_uint_32 width = png_get_image_width(png_, info_), height = png_get_image_height(png_, info_);
    if (width > std::numeric_limits<int>::max() || height > std::numeric_limits<int>::max()) {
      return MakeError(Reason::PHOTO_TOO_LARGE, "the PNG claims more pixels than a picture can have");
    }
    header_.width = static_cast<int>(width);
    header_.height = static_cast<int>(height);
    if (const absl::string_view exif = FindExif(bytes_); !exif.empty()) header_.orientation = ReadOrientation(exif);
    return absl::OkStatus();
  }

  absl::StatusOr<Picture> Decode(DecodeBudget& budget) override {
    const int64_t inflated = static_cast<int64_t>(png_get_rowbytes(png_, info_)) * header_.height;
    if (inflated > kMostInflatedBytes) {
      return TooCostly(absl::StrCat("means inflating ", inflated / 1'000'000, " MB, and at most ",
                                    kMostInflatedBytes / 1'000'000, " MB are inflated: use 8 bits, without alpha"));
    }
    const int reduction = ReductionFor(header_.width, header_.height);
    const int64_t bytes = ReducedPicture::MemoryFor(header_.width, header_.height, reduction);
    if (absl::Status memory = CheckDecoderMemory(bytes); !memory.ok()) return memory;
    budget_ = &budget;
    if (!Guarded([this] { BeginPixels(); })) return Corrupt();
    ReducedPicture picture(header_.width, header_.height, reduction);
    std::vector<uint8_t> row(png_get_rowbytes(png_, info_));
    const bool interlaced = png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
    for (int pass = 0; pass < (interlaced ? kPasses : 1); ++pass) {
      const Steps steps = interlaced ? StepsOf(pass) : Steps{0, 0, 1, 1};
      if (steps.first_x >= header_.width) continue;  // libpng leaves an empty pass out
      const int pixels = (header_.width - steps.first_x + steps.x - 1) / steps.x;
      for (int y = steps.first_y; y < header_.height; y += steps.y) {
        if (absl::Status status = budget.Check(); !status.ok()) return status;
        if (!Guarded([&] { png_read_row(png_, row.data(), nullptr); })) return Corrupt();
        if (has_alpha_) LayOnWhite(row.data(), pixels);
        picture.Add(y, steps.first_x, steps.x, pixels, row.data());
      }
    }
    return picture.Take();
  }

 private:
  // Where the pixels of a pass are.
  struct Steps {
    int first_x, first_y, x, y;
  };

  static Steps StepsOf(int pass) {
    return {static_cast<int>(PNG_PASS_START_COL(pass)), static_cast<int>(PNG_PASS_START_ROW(pass)),
            1 << PNG_PASS_COL_SHIFT(pass), 1 << PNG_PASS_ROW_SHIFT(pass)};
  }

  // Whether `work` came to its end. What `work` makes must need no destructor.
  template <typename Work>
  bool Guarded(const Work& work) {
    if (setjmp(way_out_) != 0) return false;
    work();
    return true;
  }

  [[noreturn]] static void OnError(png_structp png, png_const_charp message) {
    PngCodec& codec = *static_cast<PngCodec*>(png_get_error_ptr(png));
    std::strncpy(codec.message_, message, sizeof codec.message_ - 1);
    std::longjmp(codec.way_out_, 1);
  }

  void ReadInfo() {
    png_set_read_fn(png_, this, [](png_structp png, png_bytep to, size_t size) {
      if (!static_cast<PngCodec*>(png_get_io_ptr(png))->Read(to, size)) png_error(png, "it is truncated");
    });
    // Texts and profiles change no pixel here and may be inflated to a thousand times their size.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
    static constexpr png_byte kLeftOut[] =
        "bKGD\0cHRM\0eXIf\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sTER\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kLeftOut, sizeof kLeftOut / 5);
    png_set_benign_errors(png_, 1);
    png_read_info(png_, info_);
  }

  // To 8 bits of gamma-encoded RGB, or RGBA. 16-bit photos are as gamma-encoded as 8-bit ones.
  void BeginPixels() {
    png_set_alpha_mode(png_, PNG_ALPHA_PNG, PNG_DEFAULT_sRGB);
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    png_read_update_info(png_, info_);
    has_alpha_ = png_get_channels(png_, info_) == 4;
  }

  // libpng takes the pixels in pieces of eight kilobytes, from many of which no row may come.
  bool Read(png_bytep to, size_t size) {
    if (budget_ != nullptr) {
      stopped_ = budget_->Check();
      if (!stopped_.ok()) return false;
    }
    if (size > rest_.size()) return false;
    std::copy_n(rest_.data(), size, to);
    rest_.remove_prefix(size);
    return true;
  }

  absl::Status Corrupt() const {
    if (!stopped_.ok()) return stopped_;
    return MakeError(Reason::PHOTO_CORRUPT, absl::StrCat("the PNG is damaged: ", message_));
  }

  absl::string_view bytes_;
  absl::string_view rest_;  // what has not been read
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf way_out_;
  char message_[128] = "";
  DecodeBudget* budget_ = nullptr;
  absl::Status stopped_;
  bool has_alpha_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenPng(absl::string_view bytes) {
  auto codec = std::make_unique<PngCodec>(bytes);
  if (absl::Status status = codec->ReadHeader(); !status.ok()) return status;
  return codec;
}

}  // namespace likeness
