#include "server/image/crop_file.h"

#include <webp/decode.h>
#include <webp/encode.h>

#include <memory>

#include "server/errors/errors.h"

namespace likeness {

absl::StatusOr<std::string> EncodeCropFile(const Picture& crop) {
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeLosslessRGB(crop.rgb.data(), crop.width, crop.height, crop.width * 3, &bytes);
  const std::unique_ptr<uint8_t, decltype(&WebPFree)> owner(bytes, &WebPFree);
  if (size == 0) return MakeError(Reason::INTERNAL, "a crop cannot be encoded");
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

absl::StatusOr<Picture> DecodeCropFile(absl::string_view file) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(file.data());
  Picture crop;
  if (WebPGetInfo(bytes, file.size(), &crop.width, &crop.height) == 0) {
    return MakeError(Reason::STORE_CORRUPT, "a kept crop is no picture");
  }
  crop.rgb.resize(static_cast<size_t>(crop.width) * static_cast<size_t>(crop.height) * 3);
  if (WebPDecodeRGBInto(bytes, file.size(), crop.rgb.data(), crop.rgb.size(), crop.width * 3) == nullptr) {
    return MakeError(Reason::STORE_CORRUPT, "a kept crop is damaged");
  }
  return crop;
}

}  // namespace likeness
