#include "tests/support/database_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/time/clock.h"

namespace likeness {
namespace {

constexpr char kSocket[] = "/.s.PGSQL.5432";

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

int NewSocket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// Forwards what there is; false when there will be no more.
bool ForwardOnce(int from, int to) {
  std::array<char, 1 << 16> bytes{};
  const ssize_t size = recv(from, bytes.data(), bytes.size(), 0);
  if (size <= 0) return false;
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t more = send(to, bytes.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return true;
}

}  // namespace

DatabaseLink::DatabaseLink(std::string to) : to_(std::move(to)), folder_("/tmp/likeness-link-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) std::abort();
  const sockaddr_un address = AddressOf(folder_ + kSocket);
  listener_ = NewSocket();
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 64) != 0)
    std::abort();
  thread_ = std::thread([this] { Listen(); });
}

DatabaseLink::~DatabaseLink() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    CloseAll();
  }
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  while (true) {
    ForgetDone();
    absl::MutexLock lock(&mutex_);
    if (connections_.empty()) break;
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](std::list<Connection>* all) {
                                  return std::any_of(all->begin(), all->end(),
                                                     [](const auto& one) { return one.done; });
                                },
                                &connections_),
                            absl::Seconds(1));
  }
  close(listener_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void DatabaseLink::Set(State state, absl::Duration delay) {
  absl::MutexLock lock(&mutex_);
  state_ = state;
  delay_ = delay;
  if (state == State::kCut) CloseAll();
}

DatabaseLink::State DatabaseLink::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void DatabaseLink::CloseAll() {
  for (const Connection& connection : connections_) {
    if (connection.done) continue;
    shutdown(connection.client, SHUT_RDWR);
    shutdown(connection.server, SHUT_RDWR);
  }
}

void DatabaseLink::Listen() {
  while (true) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    ForgetDone();
    absl::MutexLock lock(&mutex_);
    if (ending_ || state_ == State::kCut) {
      close(client);
      if (ending_) return;
      continue;
    }
    Connection& connection = connections_.emplace_back();
    connection.client = client;
    connection.server = NewSocket();
    connection.thread = std::thread([this, &connection] { Forward(connection); });
  }
}

void DatabaseLink::Forward(Connection& connection) {
  const sockaddr_un address = AddressOf(to_ + kSocket);
  bool open =
      AwaitPassage() && connect(connection.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  while (open) {
    std::array<pollfd, 2> sides = {{{connection.client, POLLIN, 0}, {connection.server, POLLIN, 0}}};
    if (poll(sides.data(), sides.size(), -1) < 0 || !AwaitPassage()) break;
    if (sides[0].revents != 0) open = ForwardOnce(connection.client, connection.server);
    if (open && sides[1].revents != 0) open = ForwardOnce(connection.server, connection.client);
  }
  absl::MutexLock lock(&mutex_);
  close(connection.client);
  close(connection.server);
  connection.done = true;
}

bool DatabaseLink::AwaitPassage() {
  absl::Duration delay;
  {
    absl::MutexLock lock(&mutex_);
    const auto passes = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || state_ != State::kSilent; };
    mutex_.Await(absl::Condition(&passes));
    if (ending_ || state_ == State::kCut) return false;
    if (state_ == State::kSlow) delay = delay_;
  }
  absl::SleepFor(delay);
  return true;
}

void DatabaseLink::ForgetDone() {
  std::list<Connection> done;
  {
    absl::MutexLock lock(&mutex_);
    for (auto connection = connections_.begin(); connection != connections_.end();) {
      const auto next = std::next(connection);
      if (connection->done) done.splice(done.end(), connections_, connection);
      connection = next;
    }
  }
  for (Connection& connection : done) connection.thread.join();
}

}  // namespace likeness
