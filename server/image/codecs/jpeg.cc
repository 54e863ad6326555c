#include <turbojpeg.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"

namespace likeness {
namespace {

struct DestroyHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<std::remove_pointer_t<tjhandle>, DestroyHandle>;

// Adobe's CMYK JPEGs store inverted ink, so the product of ink and black is the light that is left.
std::vector<uint8_t> CmykToRgb(const std::vector<uint8_t>& cmyk) {
  std::vector<uint8_t> rgb(cmyk.size() / 4 * 3);
  for (size_t pixel = 0; pixel < cmyk.size() / 4; ++pixel) {
    const int black = cmyk[4 * pixel + 3];
    for (size_t channel = 0; channel < 3; ++channel) {
      rgb[3 * pixel + channel] = static_cast<uint8_t>(cmyk[4 * pixel + channel] * black / 255);
    }
  }
  return rgb;
}

// The largest of the reductions that libjpeg makes while it decodes, at a fraction of the cost, after which a small
// face still has all the pixels that the networks look at: they see 320 of the photo's width and 112 of a face's.
int ReductionFor(const PhotoHeader& header) {
  constexpr int kEnoughOfTheShorterSide = 1000;
  int reduction = 8;
  while (reduction > 1 && std::min(header.width, header.height) / reduction < kEnoughOfTheShorterSide) reduction /= 2;
  return reduction;
}

class JpegCodec : public Codec {
 public:
  JpegCodec(Handle handle, absl::string_view bytes, PhotoHeader header, bool cmyk)
      : handle_(std::move(handle)), bytes_(bytes), cmyk_(cmyk) {
    header_ = header;
  }

  absl::StatusOr<Picture> Decode() override {
    const int reduction = ReductionFor(header_);
    const int width = (header_.width + reduction - 1) / reduction;
    const int height = (header_.height + reduction - 1) / reduction;
    const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
    std::vector<uint8_t> samples(pixels * (cmyk_ ? 4 : 3));
    // The scan limit stops files that are small and take minutes (a progressive JPEG may repeat its scans).
    const int result = tjDecompress2(handle_.get(), reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size(),
                                     samples.data(), width, 0, height, cmyk_ ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS);
    if (result != 0 && !IsHarmless()) {
      return MakeError(Reason::PHOTO_CORRUPT, absl::StrCat("the JPEG is damaged: ", tjGetErrorStr2(handle_.get())));
    }
    return Picture{width, height, cmyk_ ? CmykToRgb(samples) : std::move(samples), reduction};
  }

 private:
  // Stray bytes between the last pixel and the end marker (0xd9) lose nothing, and some cameras write them. Anywhere
  // else they could hide a truncation: libjpeg words only its first warning.
  bool IsHarmless() const {
    return tjGetErrorCode(handle_.get()) == TJERR_WARNING &&
           absl::StrContains(tjGetErrorStr2(handle_.get()), "extraneous bytes before marker 0xd9");
  }

  Handle handle_;
  absl::string_view bytes_;
  bool cmyk_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenJpeg(absl::string_view bytes) {
  Handle handle(tjInitDecompress());
  if (handle == nullptr) return MakeError(Reason::INTERNAL, "the JPEG decoder cannot be started");
  PhotoHeader header;
  int subsampling = 0;
  int color_space = 0;
  if (tjDecompressHeader3(handle.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), &header.width,
                          &header.height, &subsampling, &color_space) != 0) {
    const absl::string_view why = tjGetErrorStr2(handle.get());
    const bool too_large = absl::StrContains(why, "Maximum supported image dimension");
    return MakeError(too_large ? Reason::PHOTO_TOO_LARGE : Reason::PHOTO_CORRUPT,
                     absl::StrCat("the JPEG's header cannot be used: ", why));
  }
  if (header.width < 1 || header.height < 1) {  // tables without a picture
    return MakeError(Reason::PHOTO_CORRUPT, "the JPEG holds no picture");
  }
  header.orientation = ReadOrientation(bytes);
  const bool cmyk = color_space == TJCS_CMYK || color_space == TJCS_YCCK;
  return std::make_unique<JpegCodec>(std::move(handle), bytes, header, cmyk);
}

}  // namespace likeness
