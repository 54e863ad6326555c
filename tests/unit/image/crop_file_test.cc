#include "server/image/crop_file.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

TEST(CropFileTest, KeepsEveryPixel) {
  const Picture crop = FourColours(112, 112);
  const auto file = EncodeCropFile(crop);
  ASSERT_THAT(file, IsOk());
  const auto decoded = DecodeCropFile(*file);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->width, 112);
  EXPECT_EQ(decoded->height, 112);
  EXPECT_EQ(decoded->rgb, crop.rgb);
}

TEST(CropFileTest, RefusesWhatIsNoCrop) {
  const std::string file = *EncodeCropFile(FourColours(20, 30));
  EXPECT_THAT(DecodeCropFile(""), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(DecodeCropFile("no picture"), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(DecodeCropFile(file.substr(0, file.size() / 2)), FailsWith(Reason::STORE_CORRUPT));
}

}  // namespace
}  // namespace likeness
