#include "server/telemetry/line_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/files.h"

namespace likeness {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);
constexpr int kPage = 4096;

std::string TellDropped(int64_t dropped) { return absl::StrCat("dropped ", dropped); }

// A pipe of one page, which is read when the test says so.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(pipe(ends_), 0);
    EXPECT_GE(fcntl(ends_[1], F_SETPIPE_SZ, kPage), 0);
  }
  ~Pipe() {
    close(ends_[1]);
    CloseReader();
  }
  int writer() const { return ends_[1]; }
  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  // What comes until `last` is its end.
  std::string ReadUntil(const std::string& last) {
    std::string text;
    char buffer[kPage];
    while (!absl::EndsWith(text, last)) {
      const ssize_t bytes = read(ends_[0], buffer, sizeof(buffer));
      if (bytes <= 0) break;
      text.append(buffer, static_cast<size_t>(bytes));
    }
    return text;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(LineWriterTest, WritesLinesInTheirOrder) {
  Pipe pipe;
  LineWriter writer({.descriptor = pipe.writer(), .tell_dropped = TellDropped});
  for (int line = 0; line < 100; ++line) writer.Write(absl::StrCat(line));
  const std::vector<std::string> lines = absl::StrSplit(pipe.ReadUntil("99\n"), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 100u);
  for (int line = 0; line < 100; ++line) EXPECT_EQ(lines[static_cast<size_t>(line)], absl::StrCat(line));
  EXPECT_EQ(writer.dropped(), 0);
}

TEST(LineWriterTest, KeepsLinesOfManyThreadsWhole) {
  Pipe pipe;
  LineWriter writer({.descriptor = pipe.writer(), .tell_dropped = TellDropped});
  std::vector<std::thread> threads;
  for (char name = 'a'; name <= 'd'; ++name) {
    threads.emplace_back([&writer, name] {
      for (int line = 0; line < 100; ++line) writer.Write(std::string(500, name));
    });
  }
  std::string text;
  std::thread reader([&] { text = pipe.ReadUntil("end\n"); });
  for (std::thread& thread : threads) thread.join();
  writer.Write("end");
  reader.join();
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line != "end") {
      EXPECT_EQ(line, std::string(500, line[0]));
    }
  }
}

// Nobody reads: what does not fit is dropped, nobody waits, and it is said once when somebody reads again.
TEST(LineWriterTest, SaysOnceHowMuchItHasDropped) {
  Pipe pipe;
  LineWriter writer({.descriptor = pipe.writer(), .max_bytes = 10'000, .tell_dropped = TellDropped});
  for (int line = 0; line < 1000; ++line) writer.Write(std::string(99, 'x'));
  EXPECT_FALSE(writer.Flush(absl::Milliseconds(1)));
  const int64_t dropped = writer.dropped();
  EXPECT_GT(dropped, 700) << "a page in the pipe, and twice what may wait";
  const std::string told = absl::StrCat("\ndropped ", dropped, "\n");
  const std::string text = pipe.ReadUntil(told);
  EXPECT_TRUE(absl::EndsWith(text, told)) << text.substr(text.size() - 200);
  writer.Write("after");
  EXPECT_EQ(pipe.ReadUntil("after\n"), "after\n");
  // Again, and it counts anew.
  for (int line = 0; line < 1000; ++line) writer.Write(std::string(99, 'x'));
  const std::string again = absl::StrCat("\ndropped ", writer.dropped() - dropped, "\n");
  EXPECT_TRUE(absl::EndsWith(pipe.ReadUntil(again), again));
}

TEST(LineWriterTest, AClosedPipeOrAFullDiskEndsNothing) {
  Pipe pipe;
  pipe.CloseReader();
  LineWriter to_nobody({.descriptor = pipe.writer(), .tell_dropped = TellDropped});
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  LineWriter to_full_disk({.descriptor = full, .tell_dropped = TellDropped});
  for (LineWriter* writer : {&to_nobody, &to_full_disk}) {
    for (int line = 0; line < 10; ++line) writer->Write("lost");
    EXPECT_TRUE(writer->Flush(kLong));
    EXPECT_EQ(writer->dropped(), 10);
  }
  close(full);
}

TEST(LineWriterTest, EndsAlthoughNobodyReads) {
  Pipe pipe;
  LineWriter writer({.descriptor = pipe.writer(), .tell_dropped = TellDropped});
  for (int line = 0; line < 100; ++line) writer.Write(std::string(99, 'x'));
  EXPECT_FALSE(writer.Flush(absl::Milliseconds(1)));
}

}  // namespace
}  // namespace likeness
