// What a photo may cost: photos made to be dear are refused or cheap, and honest ones are decoded.
//
// Each is decoded in a process of its own, which tells its processor time and the peak of its memory. The bars are the
// promise of docs/security.md, several times what was measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "server/errors/errors.h"
#include "server/image/photo.h"
#include "tests/support/costly_photos.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasures = false;  // of another program, so to speak
#else
constexpr bool kMeasures = true;
#endif

constexpr double kMostSeconds = 1;
constexpr double kMostMegabytes = 200;
constexpr double kMostSecondsPastTheDeadline = 0.1;

struct Cost {
  double seconds = 0;
  double megabytes = 0;
  int reason = 0;  // 0: decoded
  int width = 0;
  int height = 0;
};

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A figure of /proc/self/status in megabytes.
double StatusMegabytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stod(line.substr(name.size() + 1)) * 1024 / 1e6;
  }
  return -1;
}

Cost Measured(const std::string& photo, const std::function<absl::Status()>& still_wanted) {
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const double before = StatusMegabytes("VmRSS");
  const double start = ProcessorSeconds();
  const absl::StatusOr<Picture> picture = DecodePhoto(photo, {}, still_wanted);
  Cost cost{.seconds = ProcessorSeconds() - start, .megabytes = StatusMegabytes("VmHWM") - before};
  if (picture.ok()) {
    cost.width = picture->width;
    cost.height = picture->height;
  } else {
    cost.reason = ReasonOf(picture.status());
  }
  return cost;
}

Cost CostOf(const std::string& photo, const std::function<absl::Status()>& still_wanted = absl::OkStatus) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Cost cost = Measured(photo, still_wanted);
    _exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
  }
  close(ends[1]);
  Cost cost;
  EXPECT_EQ(read(ends[0], &cost, sizeof cost), static_cast<ssize_t>(sizeof cost)) << "the decoder has died";
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return cost;
}

struct NamedPhoto {
  std::string name;
  std::function<std::string()> make;

  friend void PrintTo(const NamedPhoto& photo, std::ostream* out) { *out << photo.name; }
};

// "JPEG, 50 MP" as a part of a test's name: "JPEG50MP".
std::string TestName(const testing::TestParamInfo<NamedPhoto>& info) {
  std::string name;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c))) name.push_back(c);
  }
  return name;
}

JpegShape Grey7000() { return {.width = 7000, .height = 7000, .components = 1, .scans = 10, .plain = true}; }
JpegShape Colour50(int scans) { return {.width = 8160, .height = 6120, .scans = scans, .plain = true}; }

// As a decoder sees it nothing is wrong with it.
std::string SixtyFourScans() {
  JpegShape shape = Grey7000();
  shape.scans = 64;
  return MakeJpeg(shape);
}

std::vector<NamedPhoto> DearPhotos() {
  std::vector<NamedPhoto> photos = {
      {"JPEG, 64 scans x 49 MP, each of one coefficient", SixtyFourScans},
      {"JPEG, 490 scans x 49 MP, grey", [] { return RepeatLastScan(MakeJpeg(Grey7000()), 490); }},
      {"JPEG, 490 scans x 50 MP, colour", [] { return RepeatLastScan(MakeJpeg(Colour50(10)), 490); }},
      {"JPEG, 60 scans x 50 MP", [] { return RepeatLastScan(MakeJpeg(Colour50(10)), 50); }},
      {"JPEG, 490 scans x 4 MP",
       [] { return RepeatLastScan(MakeJpeg({.width = 2000, .height = 2000, .scans = 10, .plain = true}), 490); }},
      {"JPEG, 400,000 scans x 1 kilopixel",
       [] { return RepeatLastScan(MakeJpeg({.width = 32, .height = 32, .components = 1, .scans = 10}), 400'000); }},
      {"JPEG, 50 MP 4:4:4, 10 scans",
       [] {
         JpegShape shape = Colour50(10);
         shape.chroma_sampling = 1;
         return MakeJpeg(shape);
       }},
      {"JPEG, 50 MP CMYK, 10 scans",
       [] {
         JpegShape shape = Colour50(10);
         shape.components = 4;
         return MakeJpeg(shape);
       }},
      {"JPEG, 65500 x 760, 10 scans", [] { return MakeJpeg({.width = 65500, .height = 760, .scans = 10}); }},
      {"JPEG, 760 x 65500 turned",
       [] { return JpegWithExif(MakeJpeg({.width = 760, .height = 65500}), ExifBlock(/*orientation=*/6)); }},
      {"JPEG, 1999 x 25000 turned, 10 scans",
       [] { return JpegWithExif(MakeJpeg({.width = 1999, .height = 25000, .scans = 10}), ExifBlock(6)); }},
      {"JPEG, arithmetic, 30 MP of one pattern",
       [] {
         JpegShape shape{.width = 6000, .height = 5000};
         shape.chroma_sampling = 1;
         shape.arithmetic = true;
         shape.pattern = 90;
         return MakeJpeg(shape);
       }},
      {"JPEG, 490 arithmetic scans",
       [] {
         JpegShape shape = Grey7000();
         shape.arithmetic = true;
         return RepeatLastScan(MakeJpeg(shape), 490);
       }},
      {"JPEG, 400,000 Huffman tables",
       [] {
         const std::string table = std::string("\xFF\xC4\x00\x14\x00\x01", 6) + std::string(16, '\0');
         return WithSegments(MakeJpeg({.width = 400, .height = 400}), table, 400'000);
       }},
      {"JPEG, 2,000,000 APP1 segments",
       [] {
         return WithSegments(MakeJpeg({.width = 400, .height = 400}), std::string("\xFF\xE1\0\x02", 4), 2'000'000);
       }},
      {"JPEG, EXIF that points at itself 5,400 times",
       [] { return JpegWithExif(EncodeJpeg(FourColours(64, 64)), ExifOfSelfPointers(5400)); }},
      {"JPEG, nested EXIF pointers",
       [] { return JpegWithExif(EncodeJpeg(FourColours(64, 64)), ExifOfNestedPointers(1, 14)); }},
      {"PNG, nested EXIF pointers",
       [] { return PngWithExif(EncodePng(FourColours(64, 64)), ExifOfNestedPointers(1, 14)); }},
      {"WebP, EXIF that points at itself 60,000 times",
       [] {
         const Picture picture = FourColours(64, 64);
         return WebpWithExif(EncodeWebp(picture), picture, ExifOfSelfPointers(60'000));
       }},
      {"PNG, 50 MP RGBA of 16 bits",
       [] { return MakePng({.width = 7071, .height = 7071, .color_type = 6, .depth = 16}); }},
      {"PNG, 50 MP RGB", [] { return MakePng({.width = 7071, .height = 7071}); }},
      {"PNG, 50 MP RGBA", [] { return MakePng({.width = 7071, .height = 7071, .color_type = 6}); }},
      {"PNG, 50 MP palette of a bit",
       [] { return MakePng({.width = 7071, .height = 7071, .color_type = 3, .depth = 1}); }},
      {"PNG, 50 MP RGB interlaced", [] { return MakePng({.width = 7071, .height = 7071, .interlaced = true}); }},
      {"PNG, 24 MP RGBA of 16 bits interlaced",
       [] { return MakePng({.width = 6000, .height = 4000, .color_type = 6, .depth = 16, .interlaced = true}); }},
      {"PNG, 900,000 x 55", [] { return MakePng({.width = 900'000, .height = 55}); }},
      {"PNG, 55 x 900,000", [] { return MakePng({.width = 55, .height = 900'000}); }},
      {"PNG, 900,000 empty blocks", [] { return PngOfEmptyBlocks(4000, 4000, 900'000); }},
      {"PNG, 800,000 empty chunks", [] { return PngOfEmptyChunks(MakePng({.width = 64, .height = 64}), 800'000); }},
      {"PNG, 900 texts of 7 MB",
       [] { return WithChunks(MakePng({.width = 64, .height = 64}), "zTXt", CompressedText(7'000'000), 900); }},
      {"WebP, lossless, 49 MP in a few bytes", [] { return MakePlainLosslessWebp(7000, 7000); }},
      {"WebP, lossless, 12 MP in a few bytes", [] { return MakePlainLosslessWebp(4000, 3000); }},
      {"WebP, lossless, 16000 x 1000", [] { return MakePlainLosslessWebp(16'000, 1000); }},
      {"WebP, lossless, 12 MP of noise", [] { return MakeLosslessWebp(4000, 2999, 2); }},
      {"WebP, lossless, 65,536 groups of prefix codes", WebpOfPrefixCodes},
      {"WebP, lossy, 49 MP", [] { return MakeLossyWebp(7000, 7000, false, 0); }},
      {"WebP, lossy, 24 MP of noise", [] { return MakeLossyWebp(6000, 3999, false, 40); }},
      {"WebP, lossy with alpha, 12 MP", [] { return MakeLossyWebp(4000, 2999, true, 8); }},
  };
  const std::filesystem::path field = std::string(LIKENESS_DATA_DIR) + "/field";
  if (std::filesystem::is_directory(field)) {
    for (const auto& entry : std::filesystem::directory_iterator(field)) {
      const std::string path = entry.path();
      if (entry.path().filename().string().rfind("dos_", 0) == 0) {
        photos.push_back({entry.path().filename(), [path] { return ReadFile(path); }});
      }
    }
  }
  return photos;
}

std::string Described(const NamedPhoto& photo, size_t bytes, const Cost& cost) {
  char line[200];
  std::snprintf(line, sizeof line, "%-48s %9zu bytes: %6.3f s, %5.0f MB, ", photo.name.c_str(), bytes, cost.seconds,
                cost.megabytes);
  return line + (cost.reason == 0 ? std::to_string(cost.width) + "x" + std::to_string(cost.height)
                                  : "reason " + std::to_string(cost.reason));
}

class PhotoCostTest : public testing::TestWithParam<NamedPhoto> {};

TEST_P(PhotoCostTest, IsBoundedAndEndsWithTheDeadline) {
  const std::string photo = GetParam().make();
  const Cost cost = CostOf(photo);
  std::puts(Described(GetParam(), photo.size(), cost).c_str());
  // By processor time, so that other programs on the machine do not count.
  constexpr double kDeadline = 0.02;
  const Cost late = CostOf(photo, [start = -1.0]() mutable {
    if (start < 0) start = ProcessorSeconds();
    return ProcessorSeconds() - start < kDeadline ? absl::OkStatus() : MakeError(Reason::DEADLINE_EXCEEDED, "too late");
  });
  if (!kMeasures) return;
  EXPECT_LE(cost.seconds, kMostSeconds);
  EXPECT_LE(cost.megabytes, kMostMegabytes);
  EXPECT_LE(late.seconds, kDeadline + kMostSecondsPastTheDeadline);
}

INSTANTIATE_TEST_SUITE_P(Dear, PhotoCostTest, testing::ValuesIn(DearPhotos()), TestName);

TEST(PhotoBudgetTest, RefusesScansWithoutEndAndSaysWhy) {
  const std::string photo = SixtyFourScans();
  const absl::Status status = DecodePhoto(photo, {}).status();
  EXPECT_THAT(status, FailsWith(Reason::PHOTO_TOO_COSTLY));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("a JPEG has a dozen scans"));
}

TEST(PhotoBudgetTest, RefusesWhatNeedsMoreMemoryThanIsGiven) {
  const std::string photo = MakeJpeg({.width = 8160, .height = 6120, .chroma_sampling = 1, .scans = 10, .plain = true});
  EXPECT_THAT(DecodePhoto(photo, {}), FailsWith(Reason::PHOTO_TOO_COSTLY));
}

TEST(PhotoBudgetTest, RefusesWhatTakesMoreProcessorTimeThanIsGiven) {
  const std::string photo = PngOfEmptyBlocks(4000, 4000, 900'000);
  EXPECT_THAT(DecodePhoto(photo, {.max_seconds = 0.05}), FailsWith(Reason::PHOTO_TOO_COSTLY));
}

TEST(PhotoBudgetTest, EndsWithTheErrorOfWhoeverNoLongerWaits) {
  const auto gone = [] { return MakeError(Reason::CANCELLED, "the caller has gone"); };
  const Picture picture = FourColours(640, 480);
  for (const std::string& photo : {EncodeJpeg(picture), EncodeJpeg(picture, JpegKind::kProgressive), EncodePng(picture),
                                   EncodeWebp(picture), EncodePnm(picture)}) {
    EXPECT_THAT(DecodePhoto(photo, {}, gone), FailsWith(Reason::CANCELLED)) << photo.substr(0, 4);
  }
}

TEST(PhotoBudgetTest, RefusesMorePrefixCodesThanAnEncoderWrites) {
  EXPECT_THAT(DecodePhoto(WebpOfPrefixCodes(), {.max_seconds = 60}), FailsWith(Reason::PHOTO_TOO_COSTLY));
}

// What looks for those must understand what the encoder writes, whatever is in the photo.
TEST(PhotoBudgetTest, TakesLosslessPhotosOfEveryKind) {
  for (const int noise : {0, 1, 2, 3, 8, 60}) {
    for (const int side : {24, 33, 100, 333, 1030}) {
      EXPECT_THAT(DecodePhoto(MakeLosslessWebp(side, side + 7, noise), {}), IsOk()) << side << " " << noise;
      EXPECT_THAT(DecodePhoto(MakeLossyWebp(side, side + 7, /*alpha=*/true, noise), {}), IsOk())
          << side << " " << noise;
    }
  }
  for (const char* name : {"audrey.jpg", "cage.jpg", "joconde.jpg"}) {
    EXPECT_THAT(DecodePhoto(EncodeWebp(*DecodePhoto(ReadFile(PhotoPath(name)), {})), {}), IsOk()) << name;
  }
}

class HonestPhotoTest : public testing::TestWithParam<NamedPhoto> {};

TEST_P(HonestPhotoTest, IsDecoded) {
  const std::string photo = GetParam().make();
  ASSERT_LE(photo.size(), size_t{10 << 20});
  const Cost cost = CostOf(photo);
  std::puts(Described(GetParam(), photo.size(), cost).c_str());
  if (!kMeasures) return;
  EXPECT_EQ(cost.reason, 0);
  EXPECT_LE(cost.megabytes, kMostMegabytes);
}

INSTANTIATE_TEST_SUITE_P(
    Honest, HonestPhotoTest,
    testing::Values(
        NamedPhoto{"JPEG, 50 MP, baseline",
                   [] { return MakeJpeg({.width = 8160, .height = 6120, .noise = 28, .quality = 85}); }},
        NamedPhoto{
            "JPEG, 50 MP, 4:4:4",
            [] { return MakeJpeg({.width = 8160, .height = 6120, .chroma_sampling = 1, .noise = 30, .quality = 75}); }},
        NamedPhoto{"JPEG, 50 MP, 10 scans",
                   [] { return MakeJpeg({.width = 8160, .height = 6120, .scans = 10, .noise = 34, .quality = 85}); }},
        NamedPhoto{"JPEG, 50 MP, 12 scans",
                   [] { return MakeJpeg({.width = 8160, .height = 6120, .scans = 12, .noise = 34, .quality = 85}); }},
        NamedPhoto{
            "JPEG, 24 MP, 4:4:4, 12 scans",
            [] {
              return MakeJpeg(
                  {.width = 6000, .height = 4000, .chroma_sampling = 1, .scans = 12, .noise = 34, .quality = 85});
            }},
        NamedPhoto{"PNG, 24 MP", [] { return MakePng({.width = 6000, .height = 4000, .photo = true}); }},
        NamedPhoto{"PNG, 24 MP RGBA of 16 bits",
                   [] { return MakePng({.width = 6000, .height = 4000, .color_type = 6, .depth = 16}); }},
        NamedPhoto{"PNG, 24 MP interlaced",
                   [] { return MakePng({.width = 6000, .height = 4000, .interlaced = true, .photo = true}); }},
        NamedPhoto{"WebP, 24 MP", [] { return MakeLossyWebp(6000, 4000, /*alpha=*/false, 40); }},
        NamedPhoto{"WebP, 12 MP lossless", [] { return MakeLosslessWebp(4000, 3000, 2); }}),
    TestName);

}  // namespace
}  // namespace likeness
