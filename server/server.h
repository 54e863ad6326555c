// A server in this process: everything that the configuration asks for, from the gallery to the open port.
//
//   absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(config);
//   if (!server.ok()) return server.status();
//   …
//   (*server)->Stop();
#ifndef LIKENESS_SERVER_SERVER_H_
#define LIKENESS_SERVER_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"

namespace likeness {

// Not thread-safe, except that calls are answered on threads of its own from Start() to Stop(). A process may have
// several, one after another or side by side, each with a gallery, a trainings folder and ports of its own.
class Server {
 public:
  // Builds what the configuration asks for, and returns once the health service says SERVING and the ready file is
  // written. The error of whatever cannot be had; what had been built by then is gone again.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerConfig& config);
  // As Stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int grpc_port() const;
  int metrics_port() const;  // 0: no metrics are served

  // Says NOT_SERVING, waits for --drain-delay, refuses new calls, waits for those admitted for --grace-period at most,
  // and ends everything else: a training and an activation that run go on after the next start. What it does after a
  // first call is nothing.
  void Stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;  // null: stopped
  const int grpc_port_;
  const int metrics_port_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_SERVER_H_
