#include "client/bench/server_figures.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace likeness {
namespace {

using ::testing::HasSubstr;

TEST(ServerFiguresTest, FindsThemInAScrape) {
  const auto figures = ParseServerFigures(
      "# HELP process_cpu_seconds_total Processor time spent, user and system.\n"
      "# TYPE process_cpu_seconds_total counter\n"
      "process_cpu_seconds_total 12.5\n"
      "process_resident_memory_bytes 1.31e+08\n"
      "process_resident_memory_bytes_of_another 1\n"
      "process_open_fds 23\n");
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(figures->processor_seconds, 12.5);
  EXPECT_EQ(figures->resident_bytes, 1.31e8);
  EXPECT_EQ(figures->open_files, 23);
}

TEST(ServerFiguresTest, NamesTheFigureThatIsMissing) {
  const auto figures = ParseServerFigures("process_cpu_seconds_total 12.5\nprocess_open_fds\n");
  EXPECT_EQ(figures.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(figures.status().message()), HasSubstr("process_resident_memory_bytes"));
}

TEST(ServerFiguresTest, SaysWhereItCouldNotRead) {
  const auto figures = ReadServerFigures("127.0.0.1:1");
  EXPECT_EQ(figures.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(figures.status().message()), HasSubstr("http://127.0.0.1:1/metrics"));
}

}  // namespace
}  // namespace likeness
