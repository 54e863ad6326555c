#include <png.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"

namespace likeness {
namespace {

// The content of the PNG's eXIf chunk (PNG third edition, 11.3.4.5), which libpng's simple interface does not show.
// Empty when there is none before the pixels.
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

class PngCodec : public Codec {
 public:
  PngCodec() { image_.version = PNG_IMAGE_VERSION; }
  ~PngCodec() override { png_image_free(&image_); }

  absl::Status ReadHeader(absl::string_view bytes) {
    if (!png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size())) return Corrupt();
    if (image_.width > std::numeric_limits<int>::max() || image_.height > std::numeric_limits<int>::max()) {
      return MakeError(Reason::PHOTO_TOO_LARGE, "the PNG claims more pixels than a picture can have");
    }
    header_.width = static_cast<int>(image_.width);
    header_.height = static_cast<int>(image_.height);
    if (const absl::string_view exif = FindExif(bytes); !exif.empty()) header_.orientation = ReadOrientation(exif);
    return absl::OkStatus();
  }

  absl::StatusOr<Picture> Decode() override {
    image_.format = PNG_FORMAT_RGB;
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit photos are as gamma-encoded as 8-bit ones
    const png_color white{255, 255, 255};
    std::vector<uint8_t> rgb(static_cast<size_t>(header_.width) * static_cast<size_t>(header_.height) * 3);
    if (!png_image_finish_read(&image_, &white, rgb.data(), header_.width * 3, nullptr)) return Corrupt();
    return Picture{header_.width, header_.height, std::move(rgb)};
  }

 private:
  absl::Status Corrupt() const {
    return MakeError(Reason::PHOTO_CORRUPT, absl::StrCat("the PNG is damaged: ", image_.message));
  }

  png_image image_{};
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenPng(absl::string_view bytes) {
  auto codec = std::make_unique<PngCodec>();
  if (absl::Status status = codec->ReadHeader(bytes); !status.ok()) return status;
  return codec;
}

}  // namespace likeness
