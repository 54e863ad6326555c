#include <webp/decode.h>
#include <webp/demux.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"

namespace likeness {
namespace {

const uint8_t* Data(absl::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

absl::Status Corrupt() { return MakeError(Reason::PHOTO_CORRUPT, "the WebP is damaged or truncated"); }

Orientation FindOrientation(absl::string_view bytes) {
  const WebPData data{Data(bytes), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data), &WebPDemuxDelete);
  WebPChunkIterator chunk{};
  if (demuxer == nullptr || !WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk)) return Orientation::kUpright;
  const Orientation orientation =
      ReadOrientation(absl::string_view(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size));
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

// Lays transparent pixels on white.
std::vector<uint8_t> RgbaOnWhite(const std::vector<uint8_t>& rgba) {
  std::vector<uint8_t> rgb(rgba.size() / 4 * 3);
  for (size_t pixel = 0; pixel < rgba.size() / 4; ++pixel) {
    const int alpha = rgba[4 * pixel + 3];
    for (size_t channel = 0; channel < 3; ++channel) {
      rgb[3 * pixel + channel] = static_cast<uint8_t>((rgba[4 * pixel + channel] * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return rgb;
}

class WebpCodec : public Codec {
 public:
  WebpCodec(absl::string_view bytes, PhotoHeader header, bool alpha) : bytes_(bytes), alpha_(alpha) {
    header_ = header;
  }

  absl::StatusOr<Picture> Decode() override {
    const int channels = alpha_ ? 4 : 3;
    std::vector<uint8_t> samples(static_cast<size_t>(header_.width) * static_cast<size_t>(header_.height) *
                                 static_cast<size_t>(channels));
    const auto decode = alpha_ ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
    if (decode(Data(bytes_), bytes_.size(), samples.data(), samples.size(), header_.width * channels) == nullptr) {
      return Corrupt();
    }
    return Picture{header_.width, header_.height, alpha_ ? RgbaOnWhite(samples) : std::move(samples)};
  }

 private:
  absl::string_view bytes_;
  bool alpha_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenWebp(absl::string_view bytes) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(Data(bytes), bytes.size(), &features) != VP8_STATUS_OK) return Corrupt();
  if (features.has_animation) {
    return MakeError(Reason::PHOTO_FORMAT_UNSUPPORTED, "an animated WebP is no photo");
  }
  return std::make_unique<WebpCodec>(bytes, PhotoHeader{features.width, features.height, FindOrientation(bytes)},
                                     features.has_alpha != 0);
}

}  // namespace likeness
