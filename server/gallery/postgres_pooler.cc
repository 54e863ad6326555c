#include "server/gallery/postgres_pooler.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace likeness {

namespace {

// Whether the two sessions share a process, or one of them has not always the same.
bool AreMixed(PostgresConnection& one, PostgresConnection& other) {
  const int64_t before = one.BackendId();
  other.Execute("BEGIN");
  const bool mixed = other.BackendId() == before || one.BackendId() != before;
  other.Execute("ROLLBACK");
  return mixed;
}

}  // namespace

void RefuseTransactionPooling(PostgresHosts& hosts, const PostgresLimits& limits) {
  // Not set up: in a session that is handed around, somebody else would find the settings.
  PostgresConnection one(hosts, limits);
  if (one.IsDirect()) return;
  PostgresConnection other(hosts, limits);
  // Between its transactions a session's process is its own. Where it is not, the other one gets it as the last that
  // became free, or another is first in the queue afterwards. Others who use the pool can hide that, but not each time.
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    bool mixed = false;
    try {
      mixed = AreMixed(one, other);
    } catch (const DatabaseAway& error) {
      throw std::runtime_error(absl::StrCat(error.what(),
                                            ": the pooler in between has no second connection for this "
                                            "server, which takes --store-connections and 3 more"));
    }
    if (!mixed) continue;
    throw std::runtime_error(
        "a pooler in transaction mode is in between: it gives a session's transactions to different processes, and "
        "the gallery needs its session for notifications, prepared statements and limits. Set pool_mode = session in "
        "pgbouncer, or give --gallery the database's own address");
  }
}

}  // namespace likeness
