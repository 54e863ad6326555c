#include "tests/support/pgbouncer.h"

#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/spawn.h"

namespace likeness {
namespace {

constexpr char kProgram[] = "/usr/sbin/pgbouncer";
constexpr char kUser[] = "postgres";

}  // namespace

std::unique_ptr<PgBouncer> PgBouncer::Start(const PostgresServer& server, const std::string& pool_mode) {
  if (!std::filesystem::exists(kProgram)) {
    std::cerr << "pgbouncer is not installed\n";
    return nullptr;
  }
  std::string folder = "/tmp/likeness-pgbouncer-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return nullptr;
  std::unique_ptr<PgBouncer> bouncer(new PgBouncer(folder));
  const std::string settings = folder + "/pgbouncer.ini";
  std::ofstream(settings) << "[databases]\n* = user=postgres host=" << server.socket_folder()
                          << "\n[pgbouncer]\nlisten_port = 5432\n"
                          << "unix_socket_dir = " << folder << "\nauth_type = any\npool_mode = " << pool_mode << "\n";
  const passwd* user = getpwnam(kUser);
  if (geteuid() == 0 && (user == nullptr || chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0)) return nullptr;
  bouncer->pid_ = Spawn({kProgram, settings}, folder + "/log", kUser);
  const std::string socket = folder + "/.s.PGSQL.5432";
  for (int i = 0; i < 1000 && !std::filesystem::exists(socket); ++i) {
    if (waitpid(bouncer->pid_, nullptr, WNOHANG) != 0) break;
    absl::SleepFor(absl::Milliseconds(10));
  }
  if (std::filesystem::exists(socket)) return bouncer;
  std::cerr << "pgbouncer does not start:\n" << std::ifstream(folder + "/log").rdbuf() << "\n";
  return nullptr;
}

PgBouncer::~PgBouncer() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

std::string PgBouncer::To(const std::string& database) const { return PostgresServer::Through(folder_, database); }

}  // namespace likeness
