#include "server/gallery/postgres_database.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_pooler.h"
#include "server/gallery/postgres_schema.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenTries = absl::Seconds(1);
constexpr absl::Duration kMaintenanceTimeout = absl::Minutes(5);
// How long the connection that listens may be silent before it is asked whether it is still there.
constexpr absl::Duration kSilence = absl::Seconds(5);
constexpr char kChannel[] = "likeness_gallery";

// A transaction that reads sees one state of the gallery.
constexpr char kBeginRead[] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
// The row's lock makes writers take turns; what each reads afterwards is what the one before it has committed. The
// notification is sent with the commit.
constexpr char kBeginWrite[] = "BEGIN; SELECT 1 FROM gallery FOR UPDATE; NOTIFY likeness_gallery";

std::unique_ptr<PostgresConnection> Connect(PostgresHosts& hosts, PostgresLimits limits) {
  auto connection = std::make_unique<PostgresConnection>(hosts, std::move(limits));
  connection->Prepare();
  return connection;
}

// Whom the server keeps out because too many are connected.
bool IsFull(const DatabaseRefused& error) { return error.sqlstate() == "53300"; }

absl::Status Failed(const char* doing, const std::exception& error) {
  std::string hint;
  if (const auto* refused = dynamic_cast<const DatabaseRefused*>(&error)) {
    if (refused->slow()) hint = "; the database is slow or busy, the same may go well later";
    if (refused->read_only()) hint = "; the database is a standby: name all hosts, or the one that takes changes";
    if (IsFull(*refused)) hint = "; raise max_connections there, or lower --store-connections";
  }
  return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be ", doing, ": ", error.what(), hint));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresDatabase>> PostgresDatabase::Open(PostgresOptions options) {
  try {
    auto hosts = std::make_shared<PostgresHosts>(options.url);
    RefuseTransactionPooling(*hosts, {options.timeout, options.timeout});
    MigratePostgres(*Connect(*hosts, {options.timeout, kMaintenanceTimeout}));
    return std::unique_ptr<PostgresDatabase>(new PostgresDatabase(std::move(options), std::move(hosts)));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(absl::StrCat("the gallery's database: ", error.what()));
  }
}

PostgresDatabase::PostgresDatabase(PostgresOptions options, std::shared_ptr<PostgresHosts> hosts)
    : options_(std::move(options)),
      hosts_(std::move(hosts)),
      calls_({.connect =
                  [this] {
                    return Connect(*hosts_, {options_.timeout, options_.timeout});
                  },
              .most = options_.connections,
              .patience = options_.timeout,
              .none_free = absl::StrCat("all ", options_.connections,
                                        " connections to the database (--store-connections) are in use")}),
      maintenance_({.connect = [this] { return Connect(*hosts_, MaintenanceLimits()); },
                    .most = kMaintenanceConnections,
                    .patience = kMaintenanceTimeout,
                    .none_free = "other maintenance of the gallery is under way"}) {}

PostgresDatabase::~PostgresDatabase() = default;

PostgresLimits PostgresDatabase::MaintenanceLimits() {
  // What waits for minutes does not wait for a database that others know to be away: the end of the server waits for
  // it.
  return {options_.timeout, kMaintenanceTimeout, [this] {
            absl::MutexLock lock(&mutex_);
            return !reachable_;
          }};
}

void PostgresDatabase::CheckReachable() {
  absl::MutexLock lock(&mutex_);
  if (reachable_) return;
  const absl::Time now = absl::Now();
  if (now < next_try_) throw std::runtime_error("the database cannot be reached");
  next_try_ = now + kBetweenTries;
}

void PostgresDatabase::NoteReachable(bool reachable) {
  if (!reachable) {
    // They lead nowhere either.
    calls_.CloseIdle();
    maintenance_.CloseIdle();
  }
  absl::MutexLock lock(&mutex_);
  if (!reachable) next_try_ = absl::Now() + kBetweenTries;
  if (std::exchange(reachable_, reachable) == reachable) return;
  Log(reachable ? LogLevel::kInfo : LogLevel::kError, reachable ? "store_reached" : "store_lost");
}

PostgresPool::Lease PostgresDatabase::Begin(PostgresPool& pool, const char* begin) {
  for (bool again = false;; again = true) {
    PostgresPool::Lease lease = pool.Take(/*fresh=*/again);
    // Nothing of the transaction can have been done yet, so that another connection may begin it. What was open before
    // may have been closed since, by a limit on idle sessions or a restart, or lead to what has become a standby.
    const bool may_repeat = lease.used() && !again;
    try {
      lease->Execute(begin);
      return lease;
    } catch (const DatabaseAway&) {
      throw;
    } catch (const ConnectionLost&) {
      if (!may_repeat) throw;
    } catch (const DatabaseRefused& error) {
      if (!error.read_only()) {
        lease->Execute("ROLLBACK");
        lease.Keep();
        throw;
      }
      pool.CloseIdle();
      if (!may_repeat) throw;
    }
  }
}

absl::Status PostgresDatabase::Transact(PostgresPool& pool, const char* begin, Work work, const char* doing) {
  try {
    CheckReachable();
    PostgresPool::Lease lease = [&] {
      try {
        return Begin(pool, begin);
      } catch (const DatabaseAway&) {
        NoteReachable(false);
        throw;
      }
    }();
    NoteReachable(true);
    // Whatever fails from here on, another transaction may well succeed: a statement can take too long, a commit can
    // wait for a slow disk, and a session can be ended by somebody.
    absl::Status status = [&] {
      try {
        return work(*lease);
      } catch (const ConnectionLost&) {
        throw;
      } catch (const std::exception& error) {
        return Failed(doing, error);
      }
    }();
    lease->Execute(status.ok() ? "COMMIT" : "ROLLBACK");
    lease.Keep();
    return status;
  } catch (const std::exception& error) {
    return Failed(doing, error);
  }
}

absl::Status PostgresDatabase::Read(Work work) { return Transact(calls_, kBeginRead, work, "read"); }

absl::Status PostgresDatabase::Write(Work work) {
  // Of several that wait for the row's lock one goes on. The others are not to take the connections of those who read.
  const int most = std::max(1, options_.connections / 2);
  {
    absl::MutexLock lock(&mutex_);
    const auto free = [this, most]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return writers_ < most; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&free), options_.timeout)) {
      return Failed("written", std::runtime_error("other changes are under way, and none of them ends"));
    }
    ++writers_;
  }
  const absl::Cleanup done = [this] {
    absl::MutexLock lock(&mutex_);
    --writers_;
  };
  return Transact(calls_, kBeginWrite, work, "written");
}

absl::Status PostgresDatabase::Survey(Work work) { return Transact(maintenance_, kBeginRead, work, "read"); }

absl::Status PostgresDatabase::Maintain(Work work) { return Transact(maintenance_, kBeginWrite, work, "written"); }

void PostgresDatabase::AwaitChange(absl::Duration limit) {
  const absl::Time until = absl::Now() + limit;
  try {
    Listen(limit);
  } catch (const std::exception&) {
    listener_.reset();
    absl::SleepFor(until - absl::Now());
  }
}

void PostgresDatabase::Listen(absl::Duration limit) {
  if (listener_ == nullptr) {
    listener_ = Connect(*hosts_, {options_.timeout, options_.timeout});
    listener_->Execute(absl::StrCat("LISTEN ", kChannel));
    heard_ = absl::Now();
    return;  // what came before it listened must be asked for
  }
  if (listener_->AwaitNotification(limit)) {
    heard_ = absl::Now();
  } else if (absl::Now() - heard_ > kSilence) {
    // Nothing happened, or what connected us is gone without a word.
    listener_->Execute("SELECT 1");
    heard_ = absl::Now();
  }
}

}  // namespace likeness
