#include "tests/integration/server_process.h"

#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace likeness {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(90);  // under sanitizers on a busy machine

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

// The same in every folder, so that a server finds what the one before it encrypted.
std::string MasterKeyFile(const std::string& folder) {
  std::string path = folder + "/master.keys";
  std::ofstream(path) << kMasterKey << '\n';
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

pid_t Spawn(std::vector<std::string> arguments, const std::string& log) {
  arguments.insert(arguments.begin(), LIKENESS_BIN_DIR "/likeness-server");
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t pid = -1;
  posix_spawn(&pid, raw[0], &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "likeness-test-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

ServerProcess::ServerProcess(Options options, pid_t pid) : options_(std::move(options)), pid_(pid) {}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Options& options) {
  const std::string ready_file = options.folder + "/ready.json";
  std::filesystem::remove(ready_file);
  std::vector<std::string> flags = {
      "--address=127.0.0.1:0",
      "--metrics-address=127.0.0.1:0",
      "--device=cpu",
      absl::StrCat("--model=", LIKENESS_MODELS_DIR, "/", options.model, ".pt"),
      "--face-finder=" LIKENESS_MODELS_DIR "/face-finder.pt",
      "--gallery=sqlite:" + options.folder + "/gallery.db",
      options.plaintext ? "--plaintext-gallery=true" : "--master-key-file=" + MasterKeyFile(options.folder),
      "--ready-file=" + ready_file};
  flags.insert(flags.end(), options.flags.begin(), options.flags.end());
  const pid_t pid = Spawn(flags, options.folder + "/server.log");
  if (pid < 0) return absl::InternalError("likeness-server cannot be run; was it built?");
  std::unique_ptr<ServerProcess> server(new ServerProcess(options, pid));
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (!server->ReadPorts()) {
    if (waitpid(pid, nullptr, WNOHANG) != 0) {
      server->pid_ = -1;
      return absl::InternalError("the server ended: " + server->Log());
    }
    if (absl::Now() > deadline) return absl::InternalError("the server does not serve: " + server->Log());
    absl::SleepFor(absl::Milliseconds(10));
  }
  return server;
}

bool ServerProcess::ReadPorts() {
  const auto ports = nlohmann::json::parse(ReadAll(options_.folder + "/ready.json"), nullptr, false);
  if (!ports.is_object()) return false;  // not there yet, or not wholly
  grpc_port_ = ports["grpc_port"];
  metrics_port_ = ports["metrics_port"];
  return true;
}

ServerProcess::~ServerProcess() { Kill(); }

std::string ServerProcess::target() const { return absl::StrCat("127.0.0.1:", grpc_port_); }

std::shared_ptr<grpc::Channel> ServerProcess::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target(), grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<v1::FaceVerificationService::Stub> ServerProcess::Stub() const {
  return v1::FaceVerificationService::NewStub(Connect());
}

std::string ServerProcess::Scrape() const {
  const httplib::Result result = httplib::Client("127.0.0.1", metrics_port_).Get("/metrics");
  return result && result->status == 200 ? result->body : "";
}

double ServerProcess::Metric(const std::string& name_and_labels) const {
  const std::string scrape = Scrape();
  for (absl::string_view line : absl::StrSplit(scrape, '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, name_and_labels + " ") && absl::SimpleAtod(line, &value)) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string ServerProcess::Log() const { return ReadAll(options_.folder + "/server.log"); }

void ServerProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  Wait();
}

void ServerProcess::Terminate() { kill(pid_, SIGTERM); }

int ServerProcess::Wait() {
  const int exit_code = WaitFor(pid_);
  pid_ = -1;
  return exit_code;
}

FailedStart RunToEnd(const std::vector<std::string>& flags) {
  const TemporaryFolder folder;
  const std::string log = folder.path() + "/server.log";
  const int exit_code = WaitFor(Spawn(flags, log));
  return {exit_code, ReadAll(log)};
}

}  // namespace likeness
