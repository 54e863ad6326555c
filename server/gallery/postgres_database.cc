#include "server/gallery/postgres_database.h"

#include <exception>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_schema.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenTries = absl::Seconds(1);
constexpr absl::Duration kMigrationTimeout = absl::Minutes(5);
constexpr char kChannel[] = "likeness_gallery";

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresDatabase>> PostgresDatabase::Open(PostgresOptions options) {
  try {
    PostgresConnection connection(options.url, kMigrationTimeout);
    MigratePostgres(connection);
    return std::unique_ptr<PostgresDatabase>(new PostgresDatabase(std::move(options)));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(absl::StrCat("the gallery's database: ", error.what()));
  }
}

PostgresDatabase::PostgresDatabase(PostgresOptions options) : options_(std::move(options)) {}

PostgresDatabase::~PostgresDatabase() = default;

PostgresDatabase::Connection PostgresDatabase::Take() {
  {
    absl::MutexLock lock(&mutex_);
    if (!reachable_) {
      const absl::Time now = absl::Now();
      if (now < next_try_) throw std::runtime_error("the database cannot be reached");
      next_try_ = now + kBetweenTries;
    }
    const auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return in_use_ < options_.connections; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&free), options_.timeout)) {
      throw std::runtime_error("all connections to the database are in use");
    }
    ++in_use_;
    if (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  try {
    return std::make_unique<PostgresConnection>(options_.url, options_.timeout);
  } catch (...) {
    Return(nullptr);
    throw;
  }
}

void PostgresDatabase::Return(Connection connection) {
  absl::MutexLock lock(&mutex_);
  --in_use_;
  if (connection != nullptr) idle_.push_back(std::move(connection));
}

void PostgresDatabase::NoteReachable(bool reachable) {
  absl::MutexLock lock(&mutex_);
  if (!reachable) {
    idle_.clear();  // they lead nowhere either
    next_try_ = absl::Now() + kBetweenTries;
  }
  if (std::exchange(reachable_, reachable) == reachable) return;
  Log(reachable ? LogLevel::kInfo : LogLevel::kError, reachable ? "store_reached" : "store_lost");
}

absl::Status PostgresDatabase::Transact(const char* begin, Work work, const char* doing) {
  Connection connection;
  const auto failed = [doing](const std::exception& error) {
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be ", doing, ": ", error.what()));
  };
  try {
    connection = Take();
  } catch (const ConnectionLost& error) {
    NoteReachable(false);
    return failed(error);
  } catch (const std::exception& error) {
    return failed(error);
  }
  try {
    connection->Execute(begin);
    absl::Status status = [&] {
      try {
        return work(*connection);
      } catch (const ConnectionLost&) {
        throw;
      } catch (const std::exception& error) {
        return failed(error);
      }
    }();
    connection->Execute(status.ok() ? "COMMIT" : "ROLLBACK");
    Return(std::move(connection));
    NoteReachable(true);
    return status;
  } catch (const ConnectionLost& error) {
    Return(nullptr);
    NoteReachable(false);
    return failed(error);
  } catch (const std::exception& error) {
    Return(nullptr);  // in the middle of a transaction
    return failed(error);
  }
}

absl::Status PostgresDatabase::Read(Work work) {
  return Transact("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", work, "read");
}

absl::Status PostgresDatabase::Write(Work work) {
  // The row's lock makes writers take turns; what each reads afterwards is what the one before it has committed. The
  // notification is sent with the commit.
  return Transact("BEGIN; SELECT 1 FROM gallery FOR UPDATE; NOTIFY likeness_gallery", work, "written");
}

void PostgresDatabase::AwaitChange(absl::Duration limit) {
  const absl::Time until = absl::Now() + limit;
  try {
    if (listener_ == nullptr) {
      listener_ = std::make_unique<PostgresConnection>(options_.url, options_.timeout);
      listener_->Execute(absl::StrCat("LISTEN ", kChannel));
      return;  // what came before it listened must be asked for
    }
    listener_->AwaitNotification(limit);
  } catch (const std::exception&) {
    listener_.reset();
    absl::SleepFor(until - absl::Now());
  }
}

}  // namespace likeness
