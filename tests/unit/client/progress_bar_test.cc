#include "client/cli/progress_bar.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

TEST(ProgressBarTest, WritesALineForEveryTenthWhereThereIsNoTerminal) {
  std::ostringstream out;
  {
    ProgressBar progress(out, /*is_terminal=*/false, "embedding", 200);
    for (int i = 0; i < 40; ++i) progress.Advance();
  }
  EXPECT_EQ(out.str(), "embedding: 10 %, 20 of 200\nembedding: 20 %, 40 of 200\n");
}

TEST(ProgressBarTest, WritesEachLineOnceWhereThereAreFewerThanTenSteps) {
  std::ostringstream out;
  ProgressBar progress(out, /*is_terminal=*/false, "embedding", 3);
  for (int i = 0; i < 3; ++i) progress.Advance();
  EXPECT_EQ(out.str(), "embedding: 33 %, 1 of 3\nembedding: 66 %, 2 of 3\nembedding: 100 %, 3 of 3\n");
}

TEST(ProgressBarTest, RedrawsItselfOnATerminalAndEndsItsLine) {
  std::ostringstream out;
  {
    ProgressBar progress(out, /*is_terminal=*/true, "embedding", 2);
    progress.Advance();
    progress.Advance();
  }
  EXPECT_THAT(out.str(), testing::StartsWith("\r\x1b[?7lembedding [###############               ]  50 %, 1 of 2"));
  EXPECT_THAT(out.str(), testing::HasSubstr("\r\x1b[?7lembedding [##############################] 100 %, 2 of 2"));
  EXPECT_THAT(out.str(), testing::EndsWith("\n"));
}

TEST(ProgressBarTest, AdvancesBySeveralStepsAtOnce) {
  std::ostringstream out;
  ProgressBar progress(out, /*is_terminal=*/false, "embedding", 10);
  progress.AdvanceTo(5);
  progress.AdvanceTo(4);
  progress.AdvanceTo(12);
  EXPECT_EQ(out.str(), "embedding: 50 %, 5 of 10\nembedding: 100 %, 10 of 10\n");
}

TEST(DrawBarTest, FillsTheShareThatIsDone) {
  EXPECT_EQ(DrawBar(0, 3, 6), "[      ]");
  EXPECT_EQ(DrawBar(1, 3, 6), "[##    ]");
  EXPECT_EQ(DrawBar(3, 3, 6), "[######]");
}

}  // namespace
}  // namespace likeness
