// How much memory the kernel still leaves the server, so that nothing is begun for which it would be killed.
#ifndef LIKENESS_SERVER_TRAININGS_MEMORY_ROOM_H_
#define LIKENESS_SERVER_TRAININGS_MEMORY_ROOM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace likeness {

struct MemoryRoom {
  int64_t limit = 0;  // bytes that the cgroup may have
  int64_t left = 0;   // of them; what it holds of files counts as left, for the kernel drops that when it wants room
};

// The least room of the process's cgroup and of those around it, whose limits hold for it too: memory.max of cgroup v2,
// memory.limit_in_bytes of v1. Nothing where none has a limit. `membership` is a file as /proc/self/cgroup
// (cgroups(7)), `mounts` where cgroups are mounted: v2 there or in `unified`, v1 in `memory`. Thread-safe.
std::optional<MemoryRoom> ReadMemoryRoom(const std::string& membership = "/proc/self/cgroup",
                                         const std::string& mounts = "/sys/fs/cgroup");

// TRAINING_NEEDS_MEMORY where a training would take more bytes than are left, with both numbers and what to do.
absl::Status CheckMemory(int64_t needed, const std::optional<MemoryRoom>& room);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_MEMORY_ROOM_H_
