#include "client/cli/live_line.h"

#include <sstream>

#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(LiveLineTest, RewritesItselfWithoutWrappingAndEndsItsLine) {
  std::ostringstream out;
  {
    LiveLine line(out);
    line.Show("one");
    line.Show("two");
  }
  EXPECT_EQ(out.str(), "\r\x1b[?7lone\x1b[?7h\x1b[K\r\x1b[?7ltwo\x1b[?7h\x1b[K\n");
}

TEST(LiveLineTest, PrintsOtherLinesAboveItself) {
  std::ostringstream out;
  LiveLine line(out);
  line.PrintAbove("first");
  line.Show("one");
  line.PrintAbove("second");
  EXPECT_EQ(out.str(), "first\n\r\x1b[?7lone\x1b[?7h\x1b[K\r\x1b[Ksecond\n\r\x1b[?7lone\x1b[?7h\x1b[K");
}

TEST(LiveLineTest, WritesNothingWhenNothingWasShown) {
  std::ostringstream out;
  { const LiveLine line(out); }
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace likeness
