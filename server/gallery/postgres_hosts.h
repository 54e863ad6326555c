// The hosts that a PostgreSQL URL names. Private to gallery/.
#ifndef LIKENESS_SERVER_GALLERY_POSTGRES_HOSTS_H_
#define LIKENESS_SERVER_GALLERY_POSTGRES_HOSTS_H_

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace likeness {

// What libpq is told to connect to, as names and values of its parameters. One host with one address.
struct PostgresHost {
  std::string name;  // for messages
  std::vector<std::pair<std::string, std::string>> parameters;
};

// Where a connection may lead. Thread-safe.
//
// libpq takes a list of hosts and gives each a time limit of its own, but only where the caller lets it wait. Here
// nobody waits longer than he says, so the hosts are tried one by one. Each address of a name counts as a host.
class PostgresHosts {
 public:
  // `url` as libpq takes it: postgres://user@host1:port1,host2:port2/database?options. Where it lists several hosts and
  // says nothing of target_session_attrs, those that cannot be written to are passed over. Throws std::runtime_error
  // for what is no URL.
  explicit PostgresHosts(const std::string& url);

  // In the order to try them: first the one that answered last, then the others as listed. Asks the DNS.
  std::vector<PostgresHost> InOrder() const;
  // Remembers which one answered.
  void NoteAnswered(const PostgresHost& host);
  // How long to wait for each: the URL's connect_timeout, or else `otherwise`.
  absl::Duration ConnectTimeout(absl::Duration otherwise) const;

 private:
  std::vector<PostgresHost> listed_;
  std::atomic<size_t> first_ = 0;
  absl::Duration connect_timeout_ = absl::ZeroDuration();
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_POSTGRES_HOSTS_H_
