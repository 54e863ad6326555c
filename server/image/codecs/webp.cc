#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"
#include "server/image/codecs/reduction.h"
#include "server/image/codecs/webp_codes.h"

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

// Pixels that a photo may have. libwebp cannot be stopped while it decodes what has arrived, and a lossless picture of
// one colour needs no bytes for its pixels: these many take less than 100 ms then. A lossless photo of 12 megapixels
// has more than ten megabytes, and libwebp holds all its pixels, which are 48 MB.
constexpr int64_t kMostPixels = 25'000'000;
constexpr int64_t kMostLosslessPixels = 12'000'000;
// So much is given to libwebp at a time: a few milliseconds of work, but for what needs no bytes.
constexpr size_t kPiece = 4 << 10;

// Lays transparent pixels on white: RGBA to RGB.
void LayOnWhite(std::vector<uint8_t>& samples) {
  const size_t pixels = samples.size() / 4;
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    const uint8_t* from = samples.data() + 4 * pixel;
    uint8_t* to = samples.data() + 3 * pixel;  // never past `from`
    const int alpha = from[3];
    for (size_t channel = 0; channel < 3; ++channel) {
      to[channel] = static_cast<uint8_t>((from[channel] * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  samples.resize(pixels * 3);
}

class WebpCodec : public Codec {
 public:
  WebpCodec(absl::string_view bytes, PhotoHeader header, bool alpha, bool lossless)
      : bytes_(bytes), alpha_(alpha), lossless_(lossless) {
    header_ = header;
  }

  absl::StatusOr<Picture> Decode(DecodeBudget& budget) override {
    const bool keeps_all = alpha_ || lossless_;
    const int64_t most = keeps_all ? kMostLosslessPixels : kMostPixels;
    if (int64_t{header_.width} * header_.height > most) {
      return TooCostly(absl::StrCat("cannot be stopped once begun, so that a WebP ",
                                    keeps_all ? "that is lossless or has alpha" : "photo", " may have ",
                                    most / 1'000'000, " megapixels"));
    }
    if (keeps_all) {
      if (absl::Status codes = CheckPrefixCodes(bytes_, header_.width, header_.height, budget); !codes.ok())
        return codes;
    }
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return MakeError(Reason::INTERNAL, "the WebP decoder cannot be started");
    const int reduction = ReductionFor(header_.width, header_.height);
    Picture picture{Reduced(header_.width, reduction), Reduced(header_.height, reduction), {}, reduction};
    config.options.use_scaling = reduction > 1;
    config.options.scaled_width = picture.width;
    config.options.scaled_height = picture.height;
    const int row_bytes = picture.width * (alpha_ ? 4 : 3);
    picture.rgb.resize(static_cast<size_t>(row_bytes) * static_cast<size_t>(picture.height));
    config.output.colorspace = alpha_ ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {picture.rgb.data(), row_bytes, picture.rgb.size()};
    if (absl::Status status = DecodePieces(config, budget); !status.ok()) return status;
    if (alpha_) LayOnWhite(picture.rgb);
    return picture;
  }

 private:
  absl::Status DecodePieces(WebPDecoderConfig& config, DecodeBudget& budget) const {
    const std::unique_ptr<WebPIDecoder, decltype(&WebPIDelete)> decoder(WebPIDecode(nullptr, 0, &config), &WebPIDelete);
    if (decoder == nullptr) return MakeError(Reason::INTERNAL, "the WebP decoder cannot be started");
    VP8StatusCode status = VP8_STATUS_SUSPENDED;
    for (size_t given = 0; given < bytes_.size() && status == VP8_STATUS_SUSPENDED;) {
      if (absl::Status go_on = budget.Check(); !go_on.ok()) return go_on;
      given = std::min(bytes_.size(), given + kPiece);
      status = WebPIUpdate(decoder.get(), Data(bytes_), given);
    }
    return status == VP8_STATUS_OK ? absl::OkStatus() : Corrupt();
  }

  absl::string_view bytes_;
  bool alpha_;
  bool lossless_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenWebp(absl::string_view bytes) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(Data(bytes), bytes.size(), &features) != VP8_STATUS_OK) return Corrupt();
  if (features.has_animation) {
    return MakeError(Reason::PHOTO_FORMAT_UNSUPPORTED, "an animated WebP is no photo");
  }
  return std::make_unique<WebpCodec>(bytes, PhotoHeader{features.width, features.height, FindOrientation(bytes)},
                                     features.has_alpha != 0, features.format == 2);
}

}  // namespace likeness
