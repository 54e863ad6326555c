#include "server/gallery/postgres_pool.h"

#include <stdexcept>
#include <utility>

namespace likeness {

PostgresPool::Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      connection_(std::move(other.connection_)),
      used_(other.used_),
      keep_(other.keep_) {}

PostgresPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->Return(keep_ ? std::move(connection_) : nullptr);
}

PostgresPool::Lease PostgresPool::Take(bool fresh) {
  std::vector<Connection> dead;  // closed without the lock
  {
    absl::MutexLock lock(&mutex_);
    const auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return in_use_ < options_.most; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&free), options_.patience)) {
      throw std::runtime_error(options_.none_free);
    }
    ++in_use_;
    while (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      if (!fresh && connection->LooksAlive()) return Lease(*this, std::move(connection), /*used=*/true);
      dead.push_back(std::move(connection));
      // The place of one is enough: others may be in order.
      if (fresh) break;
    }
  }
  dead.clear();
  try {
    return Lease(*this, options_.connect(), /*used=*/false);
  } catch (...) {
    Return(nullptr);
    throw;
  }
}

void PostgresPool::Return(Connection connection) {
  absl::MutexLock lock(&mutex_);
  --in_use_;
  if (connection != nullptr) idle_.push_back(std::move(connection));
}

void PostgresPool::CloseIdle() {
  std::vector<Connection> idle;
  absl::MutexLock lock(&mutex_);
  idle.swap(idle_);
}

}  // namespace likeness
