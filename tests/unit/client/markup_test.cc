#include "client/training/markup.h"

#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(MarkupTest, EscapesWhatWouldBeMarkup) {
  EXPECT_EQ(EscapeMarkup("<script>alert(\"a & b's\")</script>"),
            "&lt;script&gt;alert(&quot;a &amp; b&#39;s&quot;)&lt;/script&gt;");
}

TEST(MarkupTest, ReplacesControlCharactersAndKeepsOtherLetters) {
  EXPECT_EQ(EscapeMarkup(std::string("Jos\xC3\xA9\x1b[2J\0", 10)), "Jos\xC3\xA9\xEF\xBF\xBD[2J\xEF\xBF\xBD");
  EXPECT_EQ(EscapeMarkup("two\nlines"), "two\nlines");
}

TEST(MarkupTest, NamesTheTypeOfAPhotoByItsExtension) {
  EXPECT_EQ(PhotoUri("alice/a.JPG", "\x01\x02"), "data:image/jpeg;base64,AQI=");
  EXPECT_EQ(PhotoUri("a.jpeg", "\x01"), "data:image/jpeg;base64,AQ==");
  EXPECT_EQ(PhotoUri("a.png", "\x01"), "data:image/png;base64,AQ==");
  EXPECT_EQ(PhotoUri("a.webp", "\x01"), "data:image/webp;base64,AQ==");
  EXPECT_EQ(PhotoUri("a.ppm", "\x01"), "");
}

}  // namespace
}  // namespace likeness
