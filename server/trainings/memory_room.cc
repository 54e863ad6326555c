#include "server/trainings/memory_room.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

// The names of one version of cgroups.
struct Names {
  const char* limit;
  const char* used;
  std::vector<std::string> files;  // in memory.stat: what the cgroup and those below it have of files
};

const Names& OfVersion(int version) {
  static const Names kFirst{
      "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
  static const Names kSecond{"memory.max", "memory.current", {"inactive_file", "active_file"}};
  return version == 1 ? kFirst : kSecond;
}

// What version 1 has for no limit is a number just below the largest.
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max() / 2;

// Nothing where the file is not there or has no number, such as "max".
std::optional<int64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

int64_t BytesOfFiles(const std::string& folder, const std::vector<std::string>& names) {
  std::ifstream file(folder + "/memory.stat");
  int64_t sum = 0;
  std::string name;
  for (int64_t bytes = 0; file >> name >> bytes;) {
    if (std::find(names.begin(), names.end(), name) != names.end()) sum += bytes;
  }
  return sum;
}

std::optional<MemoryRoom> RoomOf(const std::string& folder, const Names& names) {
  const std::optional<int64_t> limit = ReadNumber(absl::StrCat(folder, "/", names.limit));
  if (!limit.has_value() || *limit >= kNoLimit) return std::nullopt;
  const int64_t used = ReadNumber(absl::StrCat(folder, "/", names.used)).value_or(0);
  const int64_t dropped = std::min(used, BytesOfFiles(folder, names.files));
  return MemoryRoom{*limit, std::max<int64_t>(0, *limit - (used - dropped))};
}

// The least room of a cgroup and of those around it, below the folder that cgroups are mounted at. A container may be
// shown its own cgroup as the outermost one, under the name that the machine has for it: what is not there is passed
// over.
std::optional<MemoryRoom> LeastRoom(const std::string& mount, std::string cgroup, const Names& names) {
  std::optional<MemoryRoom> least;
  while (true) {
    const std::optional<MemoryRoom> room = RoomOf(mount + cgroup, names);
    if (room.has_value() && (!least.has_value() || room->left < least->left)) least = room;
    if (cgroup.empty()) return least;
    cgroup.resize(cgroup.rfind('/'));
  }
}

std::string Megabytes(int64_t bytes) { return absl::StrFormat("%d MB", bytes / 1'000'000); }

}  // namespace

std::optional<MemoryRoom> ReadMemoryRoom(const std::string& membership, const std::string& mounts) {
  std::optional<MemoryRoom> least;
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {
    // NUMBER:CONTROLLERS:/NAME; version 2 has no controllers in it.
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || !absl::StartsWith(parts[2], "/")) continue;
    const std::string cgroup = parts[2] == "/" ? "" : parts[2];
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    std::vector<std::optional<MemoryRoom>> found;
    if (parts[1].empty()) {
      found = {LeastRoom(mounts, cgroup, OfVersion(2)), LeastRoom(mounts + "/unified", cgroup, OfVersion(2))};
    } else if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      found = {LeastRoom(mounts + "/memory", cgroup, OfVersion(1))};
    }
    for (const std::optional<MemoryRoom>& room : found) {
      if (room.has_value() && (!least.has_value() || room->left < least->left)) least = room;
    }
  }
  return least;
}

absl::Status CheckMemory(int64_t needed, const std::optional<MemoryRoom>& room) {
  if (!room.has_value() || needed <= room->left) return absl::OkStatus();
  return MakeError(Reason::TRAINING_NEEDS_MEMORY,
                   absl::StrCat("the training needs about ", Megabytes(needed), " of memory, and ",
                                Megabytes(room->left), " are left of the ", Megabytes(room->limit),
                                " that the server may have: give the server's cgroup a higher limit, or train with "
                                "fewer pairs in a step (batch_pairs), with fewer photos or from a smaller network"));
}

}  // namespace likeness
