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
  EXPECT_THAT(out.str(), testing::StartsWith("\rembedding [###############               ]  50 %, 1 of 2"));
  EXPECT_THAT(out.str(), testing::HasSubstr("\rembedding [##############################] 100 %, 2 of 2"));
  EXPECT_THAT(out.str(), testing::EndsWith("\n"));
}

}  // namespace
}  // namespace likeness
