#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/image/photo.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr PhotoLimits kAnySize{.min_side = 1};

absl::StatusOr<Picture> Decode(const std::string& pnm) { return DecodePhoto(pnm, kAnySize); }

TEST(PnmTest, ReadsGrey) {
  const absl::StatusOr<Picture> picture = Decode("P5 2 1 255\nA\xFF");
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(ColourAt(*picture, 0, 0), (Colour{'A', 'A', 'A'}));
  EXPECT_EQ(ColourAt(*picture, 1, 0), (Colour{255, 255, 255}));
}

TEST(PnmTest, ReadsRgb) {
  const absl::StatusOr<Picture> picture = Decode("P6 1 2 255\nabcdef");
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(ColourAt(*picture, 0, 0), (Colour{'a', 'b', 'c'}));
  EXPECT_EQ(ColourAt(*picture, 0, 1), (Colour{'d', 'e', 'f'}));
}

TEST(PnmTest, StretchesAnotherMaximumToWhite) {
  const absl::StatusOr<Picture> picture = Decode(std::string("P5 3 1 15\n\x00\x05\x0F", 13));
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(ColourAt(*picture, 0, 0).red, 0);
  EXPECT_EQ(ColourAt(*picture, 1, 0).red, 85);
  EXPECT_EQ(ColourAt(*picture, 2, 0).red, 255);
}

TEST(PnmTest, PassesOverCommentsAndAnyWhiteSpace) {
  for (const char* header : {"P5 1 1 255\n", "P5\n1\n1\n255\n", "P5\t1\r\n1 255 ", "P5 # a comment\n1 1 255\n",
                             "P5\n#one\n#two\n1\n#\n1 255\n", "P5 0001 1 0255\n"}) {
    const absl::StatusOr<Picture> picture = Decode(std::string(header) + "A");
    ASSERT_THAT(picture, IsOk()) << header;
    EXPECT_EQ(ColourAt(*picture, 0, 0).red, 'A') << header;
  }
}

// White space and '#' are samples like any other once the header has ended.
TEST(PnmTest, TakesEverythingAfterOneWhiteSpaceForSamples) {
  const absl::StatusOr<Picture> picture = Decode("P6 1 1 255\n\n# ");
  ASSERT_THAT(picture, IsOk());
  EXPECT_EQ(ColourAt(*picture, 0, 0), (Colour{'\n', '#', ' '}));
}

TEST(PnmTest, IgnoresBytesAfterTheLastSample) { EXPECT_THAT(Decode("P5 1 1 255\nA and more"), IsOk()); }

TEST(PnmTest, RefusesADamagedHeader) {
  for (const char* pnm :
       {"P5", "P5 ", "P5 1", "P5 1 1", "P5 1 1 255", "P5 1 1 255A", "P5 0 1 255\nA", "P5 1 0 255\nA", "P5 1 1 0\nA",
        "P5 -1 1 255\nA", "P5 1.5 1 255\nA", "P5 x 1 255\nA", "P5 1 1 +255\nA", "P5 # no end", "P5 1234567890 1 255\nA",
        "P5 1 99999999999999999999 255\nA", "P51 1 255\nA", "P5#\n"}) {
    EXPECT_THAT(Decode(pnm), FailsWith(Reason::PHOTO_CORRUPT)) << pnm;
  }
}

TEST(PnmTest, RefusesSamplesThatAreMissing) {
  EXPECT_THAT(Decode("P5 1 1 255\n"), FailsWith(Reason::PHOTO_CORRUPT));
  EXPECT_THAT(Decode("P6 1 1 255\nab"), FailsWith(Reason::PHOTO_CORRUPT));
  EXPECT_THAT(Decode("P6 2 2 255\n" + std::string(11, 'x')), FailsWith(Reason::PHOTO_CORRUPT));
}

TEST(PnmTest, RefusesASampleAboveItsOwnMaximum) {
  EXPECT_THAT(Decode("P5 1 1 64\nA"), FailsWith(Reason::PHOTO_CORRUPT));
}

TEST(PnmTest, RefusesMoreThanEightBitsASample) {
  EXPECT_THAT(Decode("P5 1 1 256\nAA"), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED));
  EXPECT_THAT(Decode("P6 1 1 65535\nAAAAAA"), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED));
}

}  // namespace
}  // namespace likeness
