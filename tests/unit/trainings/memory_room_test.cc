#include "server/trainings/memory_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Made-up files of cgroups.
class MemoryRoomTest : public testing::Test {
 protected:
  void Write(const std::string& file, absl::string_view content) {
    const std::filesystem::path path = mounts_ + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    WriteFile(path, content);
  }

  std::optional<MemoryRoom> Room(absl::string_view membership) {
    Write("membership", membership);
    return ReadMemoryRoom(mounts_ + "/membership", mounts_);
  }

  const std::string mounts_ = UniquePath("cgroup");
};

TEST_F(MemoryRoomTest, IsWhatTheLimitLeavesBesideWhatIsUsed) {
  Write("pod/memory.max", "1000\n");
  Write("pod/memory.current", "700\n");
  const auto room = Room("0::/pod\n");
  ASSERT_TRUE(room.has_value());
  EXPECT_EQ(room->limit, 1000);
  EXPECT_EQ(room->left, 300);
}

TEST_F(MemoryRoomTest, TakesWhatTheKernelHasOfFilesForFree) {
  Write("pod/memory.max", "1000\n");
  Write("pod/memory.current", "700\n");
  Write("pod/memory.stat", "anon 450\nfile 250\ninactive_file 200\nactive_file 50\nshmem 0\n");
  EXPECT_EQ(Room("0::/pod\n")->left, 550);
}

TEST_F(MemoryRoomTest, KeepsToTheTightestOfTheLimitsAroundIt) {
  Write("slice/memory.max", "5000\n");
  Write("slice/memory.current", "4900\n");
  Write("slice/pod/memory.max", "1000\n");
  Write("slice/pod/memory.current", "700\n");
  Write("slice/pod/server/memory.max", "max\n");
  Write("slice/pod/server/memory.current", "600\n");
  const auto room = Room("0::/slice/pod/server\n");
  ASSERT_TRUE(room.has_value());
  EXPECT_EQ(room->limit, 5000);
  EXPECT_EQ(room->left, 100);
}

TEST_F(MemoryRoomTest, ReadsTheFirstVersionOfCgroupsToo) {
  Write("memory/docker/memory.limit_in_bytes", "1000\n");
  Write("memory/docker/memory.usage_in_bytes", "700\n");
  Write("memory/docker/memory.stat", "inactive_file 1\ntotal_inactive_file 100\ntotal_active_file 50\n");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Room("9:name=systemd:/docker\n4:cpu,memory:/docker\n0::/\n")->left, 450);
}

// A container without a name space of its own is told the machine's name for its cgroup.
TEST_F(MemoryRoomTest, FindsTheLimitOfAContainerThatSeesItsOwnCgroupAsTheOutermost) {
  Write("memory.max", "1000\n");
  Write("memory.current", "100\n");
  EXPECT_EQ(Room("0::/kubepods/pod1/abc\n")->left, 900);
}

TEST_F(MemoryRoomTest, HasNoBoundWhereNothingHasALimit) {
  Write("pod/memory.max", "max\n");
  Write("pod/memory.current", "700\n");
  EXPECT_FALSE(Room("0::/pod\n").has_value());
  EXPECT_FALSE(ReadMemoryRoom(mounts_ + "/nothing", mounts_).has_value());
}

TEST(CheckMemoryTest, RefusesWhatWouldPassTheLimitAndSaysWhatToDo) {
  const MemoryRoom room{1'073'741'824, 500'000'000};
  EXPECT_THAT(CheckMemory(500'000'000, room), IsOk());
  const absl::Status refused = CheckMemory(1'800'000'000, room);
  EXPECT_THAT(refused, FailsWith(Reason::TRAINING_NEEDS_MEMORY));
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr("1800 MB"), HasSubstr("500 MB"), HasSubstr("1073 MB"),
                                                    HasSubstr("batch_pairs"), HasSubstr("higher limit")));
  EXPECT_THAT(CheckMemory(1'800'000'000, std::nullopt), IsOk());
}

}  // namespace
}  // namespace likeness
