#include "tests/support/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "server/gallery/postgres_connection.h"
#include "tests/support/spawn.h"

namespace likeness {
namespace {

constexpr char kUser[] = "postgres";
constexpr absl::Duration kStartTimeout = absl::Seconds(60);

// Where Debian keeps the server's programs; empty where there are none.
std::string ProgramFolder() {
  std::error_code error;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    if (std::filesystem::exists(version.path() / "bin/initdb")) return version.path() / "bin";
  }
  return "";
}

std::string UrlOf(const std::string& folder, const std::string& database = "postgres") {
  return absl::StrCat("postgres://", kUser, "@/", database, "?host=", absl::StrReplaceAll(folder, {{"/", "%2F"}}));
}

// PostgreSQL's processes have process groups of their own: a server stops when its postmaster and all children do.
void SignalAll(pid_t postmaster, int signal) {
  std::error_code error;
  std::vector<pid_t> pids = {postmaster};
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("/proc/", postmaster, "/task"), error)) {
    const std::string children = absl::StrCat(entry.path().string(), "/children");
    if (FILE* file = std::fopen(children.c_str(), "r"); file != nullptr) {
      for (int child; std::fscanf(file, "%d", &child) == 1;) pids.push_back(child);
      std::fclose(file);
    }
  }
  for (const pid_t pid : pids) kill(pid, signal);
}

}  // namespace

std::unique_ptr<PostgresServer> PostgresServer::Start() {
  const std::string programs = ProgramFolder();
  if (programs.empty()) {
    std::cerr << "PostgreSQL is not installed\n";
    return nullptr;
  }
  std::string folder = "/tmp/likeness-postgres-XXXXXX";  // the path of a socket must be short
  if (mkdtemp(folder.data()) == nullptr) return nullptr;
  if (geteuid() == 0) {
    const passwd* user = getpwnam(kUser);
    if (user == nullptr || chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) return nullptr;
  }
  std::unique_ptr<PostgresServer> server(new PostgresServer(folder));
  int status = 0;
  const pid_t initdb = Spawn({programs + "/initdb", "-D", server->data_folder(), "-U", kUser, "-A", "trust", "-E",
                              "UTF8", "--locale=C.UTF-8", "--no-sync"},
                             "/dev/null", kUser);
  waitpid(initdb, &status, 0);
  if (status != 0 || !server->StartAgain()) {
    std::cerr << "PostgreSQL does not start\n";
    return nullptr;
  }
  return server;
}

bool PostgresServer::StartAgain() {
  // What survives the end of a process does not need the disk.
  pid_ = Spawn({ProgramFolder() + "/postgres", "-D", data_folder(), "-k", folder_, "-c", "listen_addresses=", "-c",
                "fsync=off", "-c", "max_connections=200"},
               folder_ + ".log", kUser);
  const absl::Time until = absl::Now() + kStartTimeout;
  while (absl::Now() < until) {
    try {
      PostgresConnection connection(UrlOf(folder_), absl::Seconds(5));
      return true;
    } catch (const std::exception&) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) return false;
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  return false;
}

PostgresServer::~PostgresServer() {
  Kill();
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  std::filesystem::remove(folder_ + ".log", error);
}

std::string PostgresServer::NewGallery() {
  const std::string schema = absl::StrCat("gallery", ++galleries_);
  PostgresConnection(UrlOf(folder_), absl::Seconds(30)).Execute("CREATE SCHEMA " + schema);
  return absl::StrCat(UrlOf(folder_), "&options=-csearch_path%3D", schema);
}

std::string PostgresServer::NewDatabase() {
  const std::string name = absl::StrCat("gallery", ++galleries_);
  PostgresConnection(UrlOf(folder_), absl::Seconds(30)).Execute("CREATE DATABASE " + name);
  return UrlOf(folder_, name);
}

std::string PostgresServer::Through(const std::string& socket_folder, const std::string& gallery) {
  const size_t host = gallery.find("?host=") + 6;
  return absl::StrCat(gallery.substr(0, host), absl::StrReplaceAll(socket_folder, {{"/", "%2F"}}),
                      gallery.substr(std::min(gallery.find('&'), gallery.size())));
}

std::string PostgresServer::As(const std::string& role, const std::string& gallery) {
  return absl::StrReplaceAll(gallery, {{absl::StrCat("//", kUser, "@"), absl::StrCat("//", role, "@")}});
}

void PostgresServer::Kill() {
  if (pid_ < 0) return;
  SignalAll(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PostgresServer::Freeze() { SignalAll(pid_, SIGSTOP); }

void PostgresServer::Continue() { SignalAll(pid_, SIGCONT); }

}  // namespace likeness
