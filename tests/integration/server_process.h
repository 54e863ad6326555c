// The real likeness-server as a child process, on free ports of this machine and a gallery in a temporary folder.
#ifndef LIKENESS_TESTS_INTEGRATION_SERVER_PROCESS_H_
#define LIKENESS_TESTS_INTEGRATION_SERVER_PROCESS_H_

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "likeness/v1/face_verification_service.grpc.pb.h"

namespace likeness {

// A folder that is removed with everything in it when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The master key of every gallery that a ServerProcess opens.
inline const std::string kMasterKey(64, '7');

// Not thread-safe, except for what clients do.
class ServerProcess {
 public:
  struct Options {
    std::string folder;              // of the gallery, the ready file and the log
    std::vector<std::string> flags;  // added to those that every test needs
    std::string model = "mobilefacenet-192";
    bool plaintext = false;  // without the master key
  };

  // Starts the server and waits until it serves. Fails with the server's log when it does not.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Options& options);
  // Kills the server if it still runs.
  ~ServerProcess();

  std::string target() const;
  // A new connection.
  std::shared_ptr<grpc::Channel> Connect() const;
  std::unique_ptr<v1::FaceVerificationService::Stub> Stub() const;
  // The text of /metrics.
  std::string Scrape() const;
  // The value of a metric as the scrape writes it, for example `likeness_gallery_persons`; NaN when it is not there.
  double Metric(const std::string& name_and_labels) const;
  std::string Log() const;

  // Ends the server as `kill -9` does, and waits until it is gone.
  void Kill();
  // Asks it to end, as an orchestrator does.
  void Terminate();
  // Waits until it is gone; its exit code, or 128 + the signal that ended it.
  int Wait();

 private:
  ServerProcess(Options options, pid_t pid);
  bool ReadPorts();

  const Options options_;
  pid_t pid_;
  int grpc_port_ = 0;
  int metrics_port_ = 0;
};

// Runs the server with exactly these flags until it ends by itself; its exit code and what it logged.
struct FailedStart {
  int exit_code = 0;
  std::string log;
};
FailedStart RunToEnd(const std::vector<std::string>& flags);

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_SERVER_PROCESS_H_
