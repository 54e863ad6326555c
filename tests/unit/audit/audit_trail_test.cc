#include "server/audit/audit_trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "server/errors/errors.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::vector<nlohmann::json> LinesOf(const std::string& path) {
  std::vector<nlohmann::json> lines;
  for (absl::string_view line : absl::StrSplit(ReadFile(path), '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

TEST(AuditTrailTest, SaysWhoDidWhatToWhomAndWhatCameOfIt) {
  const std::string path = UniquePath("audit.log");
  const auto audit = AuditTrail::Open({.file = path});
  ASSERT_THAT(audit, IsOk());
  (*audit)->Record({.method = "Verify",
                    .caller = "kiosk-3",
                    .person_id = "alice",
                    .status = absl::OkStatus(),
                    .verified = false,
                    .model = "5d0c"});
  (*audit)->Record(
      {.method = "Verify", .caller = "", .person_id = "alice", .status = absl::OkStatus(), .verified = true});
  (*audit)->Record({.method = "Enroll",
                    .caller = "desk",
                    .person_id = "bob",
                    .status = MakeError(Reason::FACE_NOT_FOUND, "no face")});
  (*audit)->Record({.method = "RotateKeys", .caller = "root", .person_id = "", .status = absl::OkStatus()});
  const std::vector<nlohmann::json> lines = LinesOf(path);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0]["caller"], "kiosk-3");
  EXPECT_EQ(lines[0]["method"], "Verify");
  EXPECT_EQ(lines[0]["result"], "different");
  // printf alice | sha256sum | cut -c1-32
  EXPECT_EQ(lines[0]["person"], "2bd806c97f0e00af1a1fc3328fa763a9");
  EXPECT_EQ(lines[0]["model"], "5d0c");
  EXPECT_THAT(std::string(lines[0]["time"]), AllOf(SizeIs(27), HasSubstr("T")));
  EXPECT_EQ(lines[1]["result"], "same");
  EXPECT_EQ(lines[2]["result"], "FACE_NOT_FOUND");
  EXPECT_EQ(lines[3]["result"], "OK");
  EXPECT_FALSE(lines[3].contains("person"));
  EXPECT_THAT(ReadFile(path), AllOf(Not(HasSubstr("alice")), Not(HasSubstr("bob"))));
}

TEST(AuditTrailTest, AppendsToWhatIsThereAndLetsOnlyItsOwnerReadIt) {
  const std::string path = UniquePath("audit.log");
  for (int start = 0; start < 2; ++start) {
    (*AuditTrail::Open({.file = path}))->Record({.method = "Verify", .caller = "", .person_id = "", .status = {}});
  }
  EXPECT_THAT(LinesOf(path), SizeIs(2));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(AuditTrailTest, PutsAsideWhatHasGrownTooLarge) {
  const std::string path = UniquePath("audit.log");
  const auto audit = AuditTrail::Open({.file = path, .max_bytes = 4096, .kept_files = 2});
  ASSERT_THAT(audit, IsOk());
  for (int line = 0; line < 500; ++line) {
    (*audit)->Record({.method = "Verify", .caller = "kiosk", .person_id = "alice", .status = absl::OkStatus()});
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
    EXPECT_LE(entry.file_size(), 4096u) << entry.path();
    for (const nlohmann::json& line : LinesOf(entry.path())) EXPECT_EQ(line["caller"], "kiosk");
  }
  EXPECT_EQ(files, 3u);
}

TEST(AuditTrailTest, KeepsLinesWholeThatManyThreadsWrite) {
  const std::string path = UniquePath("audit.log");
  const auto audit = AuditTrail::Open({.file = path});
  ASSERT_THAT(audit, IsOk());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&audit] {
      for (int line = 0; line < 100; ++line) {
        (*audit)->Record({.method = "Verify", .caller = "kiosk", .person_id = "alice", .status = absl::OkStatus()});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(LinesOf(path), SizeIs(400));
}

TEST(AuditTrailTest, RefusesAFileThatCannotBeWritten) {
  EXPECT_THAT(AuditTrail::Open({.file = "/proc/no/such/file"}),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("/proc/no")));
}

TEST(AuditTrailTest, WritesNothingWithoutAFile) {
  const auto audit = AuditTrail::Open({});
  ASSERT_THAT(audit, IsOk());
  (*audit)->Record({.method = "Verify", .caller = "", .person_id = "alice", .status = absl::OkStatus()});
}

}  // namespace
}  // namespace likeness
