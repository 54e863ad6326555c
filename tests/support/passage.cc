#include "tests/support/passage.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/spawn.h"

namespace likeness {
namespace {

constexpr char kSocket[] = "/.s.PGSQL.5432";

}  // namespace

Passage::Passage(const std::string& to) : folder_("/tmp/likeness-passage-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) std::abort();
  const std::string listen = absl::StrCat("UNIX-LISTEN:", folder_, kSocket, ",fork");
  pid_ = Spawn({"/usr/bin/socat", listen, absl::StrCat("UNIX-CONNECT:", to, kSocket)}, "/dev/null");
  for (int i = 0; i < 500 && !std::filesystem::exists(folder_ + kSocket); ++i) absl::SleepFor(absl::Milliseconds(10));
}

Passage::~Passage() {
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  std::filesystem::remove_all(folder_);
}

void Passage::Block() const { kill(-pid_, SIGSTOP); }

void Passage::Open() const { kill(-pid_, SIGCONT); }

void Passage::BlockThoseThere() const {
  // One child each.
  std::ifstream children(absl::StrCat("/proc/", pid_, "/task/", pid_, "/children"));
  for (pid_t child; children >> child;) kill(child, SIGSTOP);
}

}  // namespace likeness
