// Programs that a test starts.
#ifndef LIKENESS_TESTS_SUPPORT_SPAWN_H_
#define LIKENESS_TESTS_SUPPORT_SPAWN_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace likeness {

// Starts a program, which does not outlive this one, in a process group of its own. What it says goes to the end of the
// file `log`. It runs as `user` where that is not empty and this program is root's. -1 where it cannot be started.
pid_t Spawn(std::vector<std::string> arguments, const std::string& log, const std::string& user = "");

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_SPAWN_H_
