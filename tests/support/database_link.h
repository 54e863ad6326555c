// A way to a test's PostgreSQL server that can be cut, silenced or slowed.
#ifndef LIKENESS_TESTS_SUPPORT_DATABASE_LINK_H_
#define LIKENESS_TESTS_SUPPORT_DATABASE_LINK_H_

#include <list>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace likeness {

// Forwards connections from a socket file in a folder of its own to that of the database server:
//
//   DatabaseLink link(postgres->socket_folder());
//   const std::string gallery = PostgresServer::Through(link.folder(), url);
//
// Thread-safe.
class DatabaseLink {
 public:
  enum class State {
    kOpen,
    kSlow,    // each message takes `delay` more
    kSilent,  // what goes in does not come out until the link is open again, and nobody is told
    kCut,     // connections are closed, and so is each new one
  };

  // `to`: the folder of the database server's socket.
  explicit DatabaseLink(std::string to);
  ~DatabaseLink();
  DatabaseLink(const DatabaseLink&) = delete;
  DatabaseLink& operator=(const DatabaseLink&) = delete;

  const std::string& folder() const { return folder_; }
  void Set(State state, absl::Duration delay = absl::ZeroDuration());
  State state() const;

 private:
  struct Connection {
    int client = -1;
    int server = -1;
    bool done = false;
    std::thread thread;
  };

  void Listen();
  void Forward(Connection& connection);
  // Waits while the link is silent, and as long as a message takes more on a slow one; false when it is cut.
  bool AwaitPassage();
  void CloseAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetDone();

  const std::string to_;
  std::string folder_;
  int listener_ = -1;
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kOpen;
  absl::Duration delay_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::list<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_DATABASE_LINK_H_
