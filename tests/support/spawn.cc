#include "tests/support/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

namespace likeness {

pid_t Spawn(std::vector<std::string> arguments, const std::string& log, const std::string& user) {
  std::vector<std::string> words = {"/usr/bin/setpriv", "--pdeathsig", "KILL"};
  if (geteuid() == 0 && !user.empty()) {
    words.insert(words.end(), {"--reuid", user, "--regid", user, "--clear-groups"});
  }
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = -1;
  if (posix_spawn(&pid, raw[0], &actions, &attributes, raw.data(), environ) != 0) pid = -1;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

}  // namespace likeness
