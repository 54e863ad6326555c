// jpeglib.h wants these before it.
#include <cstddef>
#include <cstdio>
//
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/codecs/codec.h"
#include "server/image/codecs/reduction.h"

namespace likeness {
namespace {

// What cameras and programs write are a dozen; a file may repeat them without end.
constexpr int kMostScans = 100;
// Blocks of 8 x 8 samples looked at, over all scans: 12 scans over the 1.2 million of a photo of 50 megapixels in
// 4:2:0. One costs 40 ns where a scan has nothing to say of it, so that all of them are 0.6 s.
constexpr int64_t kMostBlocks = 15'000'000;

// Adobe's CMYK JPEGs store inverted ink, so the product of ink and black is the light that is left.
void CmykToRgb(const uint8_t* cmyk, int pixels, uint8_t* rgb) {
  for (int pixel = 0; pixel < pixels; ++pixel, cmyk += 4, rgb += 3) {
    for (int channel = 0; channel < 3; ++channel) rgb[channel] = static_cast<uint8_t>(cmyk[channel] * cmyk[3] / 255);
  }
}

// Where the decoder goes from inside libjpeg when it cannot go on.
struct WayOut : jpeg_error_mgr {
  std::jmp_buf place;
  char message[JMSG_LENGTH_MAX] = "";
  int code = 0;
};

[[noreturn]] void Leave(j_common_ptr jpeg) {
  WayOut& way_out = static_cast<WayOut&>(*jpeg->err);
  way_out.code = way_out.msg_code;
  way_out.format_message(jpeg, way_out.message);
  std::longjmp(way_out.place, 1);
}

// Warnings say that pixels were made up. Stray bytes between the last pixel and the end marker lose nothing, and some
// cameras write them; anywhere else they could hide a truncation.
void OnMessage(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // no warning
  const jpeg_error_mgr& error = *jpeg->err;
  const bool harmless = error.msg_code == JWRN_EXTRANEOUS_DATA && error.msg_parm.i[1] == JPEG_EOI;
  if (!harmless) Leave(jpeg);
}

class JpegCodec : public Codec {
 public:
  explicit JpegCodec(absl::string_view bytes) : bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&way_out_);
    way_out_.error_exit = Leave;
    way_out_.emit_message = OnMessage;
    progress_.progress_monitor = [](j_common_ptr jpeg) {
      if (!static_cast<JpegCodec*>(jpeg->client_data)->MayGoOn()) {
        std::longjmp(static_cast<WayOut&>(*jpeg->err).place, 1);
      }
    };
  }
  ~JpegCodec() override { jpeg_destroy_decompress(&jpeg_); }
  JpegCodec(const JpegCodec&) = delete;
  JpegCodec& operator=(const JpegCodec&) = delete;

  absl::Status ReadHeader() {
    const bool read = Guarded([this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.client_data = this;
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
      jpeg_set_marker_processor(&jpeg_, JPEG_APP0 + 1, [](j_decompress_ptr jpeg) -> boolean {
        static_cast<JpegCodec*>(jpeg->client_data)->TakeApp1();
        return TRUE;
      });
      jpeg_read_header(&jpeg_, TRUE);
    });
    if (!read) {
      const bool too_large = way_out_.code == JERR_IMAGE_TOO_BIG;
      return MakeError(too_large ? Reason::PHOTO_TOO_LARGE : Reason::PHOTO_CORRUPT,
                       absl::StrCat("the JPEG's header cannot be used: ", way_out_.message));
    }
    header_.width = static_cast<int>(jpeg_.image_width);
    header_.height = static_cast<int>(jpeg_.image_height);
    return absl::OkStatus();
  }

  absl::StatusOr<Picture> Decode(DecodeBudget& budget) override {
    const int reduction = ReductionFor(header_.width, header_.height);
    Picture picture{Reduced(header_.width, reduction), Reduced(header_.height, reduction), {}, reduction};
    const size_t row_bytes = static_cast<size_t>(picture.width) * 3;
    const size_t picture_bytes = row_bytes * static_cast<size_t>(picture.height);
    if (absl::Status memory = CheckDecoderMemory(CoefficientBytes() + static_cast<int64_t>(picture_bytes));
        !memory.ok()) {
      return memory;
    }
    picture.rgb.resize(picture_bytes);
    const bool cmyk = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    std::vector<uint8_t> inks(cmyk ? static_cast<size_t>(picture.width) * 4 : 0);
    jpeg_.scale_num = 1;
    jpeg_.scale_denom = static_cast<unsigned>(reduction);
    jpeg_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_.progress = &progress_;
    budget_ = &budget;
    if (!Guarded([&] { ReadRows(picture.rgb.data(), inks.empty() ? nullptr : inks.data(), row_bytes); })) {
      if (!stopped_.ok()) return stopped_;
      return MakeError(Reason::PHOTO_CORRUPT, absl::StrCat("the JPEG is damaged: ", way_out_.message));
    }
    return picture;
  }

 private:
  // Whether `work` came to its end. What `work` makes must need no destructor.
  template <typename Work>
  bool Guarded(const Work& work) {
    if (setjmp(way_out_.place) != 0) return false;
    work();
    return true;
  }

  void ReadRows(uint8_t* rgb, uint8_t* inks, size_t row_bytes) {
    reads_scans_ = true;
    jpeg_start_decompress(&jpeg_);
    reads_scans_ = false;
    while (jpeg_.output_scanline < jpeg_.output_height) {
      uint8_t* row = inks == nullptr ? rgb : inks;
      jpeg_read_scanlines(&jpeg_, &row, 1);
      if (inks != nullptr) CmykToRgb(inks, static_cast<int>(jpeg_.output_width), rgb);
      rgb += row_bytes;
    }
    jpeg_finish_decompress(&jpeg_);
  }

  // What a photo of several scans keeps until the last one has been read.
  int64_t CoefficientBytes() {
    if (!jpeg_has_multiple_scans(&jpeg_)) return 0;
    int64_t blocks = 0;
    for (int i = 0; i < jpeg_.num_components; ++i) {
      blocks += int64_t{jpeg_.comp_info[i].width_in_blocks} * jpeg_.comp_info[i].height_in_blocks;
    }
    return blocks * int64_t{sizeof(JBLOCK)};
  }

  // libjpeg asks before each row of blocks of each scan, and before each row of pixels.
  bool MayGoOn() {
    if (reads_scans_ && jpeg_.comps_in_scan > 0) {
      const int rows = jpeg_.comps_in_scan == 1 ? jpeg_.cur_comp_info[0]->v_samp_factor : 1;
      blocks_ += int64_t{jpeg_.MCUs_per_row} * jpeg_.blocks_in_MCU * rows;
      if (blocks_ > kMostBlocks || jpeg_.input_scan_number > kMostScans) {
        stopped_ = TooCostly("means going over it too often: a JPEG has a dozen scans, and fewer where it is large");
        return false;
      }
    }
    stopped_ = budget_->Check();
    return stopped_.ok();
  }

  // An APP1 segment, of which libjpeg has taken the marker. libjpeg's own way keeps all of them in a list that it walks
  // for each.
  void TakeApp1() {
    jpeg_source_mgr& source = *jpeg_.src;  // all bytes are in memory
    const size_t length = source.bytes_in_buffer < 2
                              ? 0
                              : static_cast<size_t>(source.next_input_byte[0]) << 8 | source.next_input_byte[1];
    if (length < 2 || length > source.bytes_in_buffer) ERREXIT(&jpeg_, JERR_BAD_LENGTH);
    const absl::string_view content(reinterpret_cast<const char*>(source.next_input_byte) + 2, length - 2);
    if (!has_exif_ && IsExif(content)) {
      header_.orientation = ReadOrientation(content);
      has_exif_ = true;
    }
    source.next_input_byte += length;
    source.bytes_in_buffer -= length;
  }

  absl::string_view bytes_;
  WayOut way_out_{};
  jpeg_decompress_struct jpeg_{};
  jpeg_progress_mgr progress_{};
  DecodeBudget* budget_ = nullptr;
  absl::Status stopped_;
  int64_t blocks_ = 0;
  bool reads_scans_ = false;
  bool has_exif_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Codec>> OpenJpeg(absl::string_view bytes) {
  auto codec = std::make_unique<JpegCodec>(bytes);
  if (absl::Status status = codec->ReadHeader(); !status.ok()) return status;
  return codec;
}

}  // namespace likeness
