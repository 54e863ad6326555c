#include "tests/integration/walk/postgres_walk.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/postgres_connection.h"

namespace likeness {
namespace {

constexpr int kReplicas = 3;
constexpr int kStoreTimeoutSeconds = 4;
constexpr absl::Duration kOwnTimeout = absl::Seconds(30);  // of the test's sessions
constexpr absl::Duration kSlowMessage = absl::Milliseconds(10);
constexpr int kMostMillisecondsToKill = 150;
constexpr int kMostStepsBroken = 3;

// The row by whose lock writers take turns.
constexpr char kLock[] = "SELECT revision FROM gallery FOR UPDATE";

}  // namespace

PostgresWalk::PostgresWalk(PostgresServer& postgres, const WalkOptions& options) : Walk(options), postgres_(postgres) {}

absl::Status PostgresWalk::Open() {
  replicas_.clear();
  gallery_ = postgres_.NewGallery();
  for (int i = 0; i < kReplicas; ++i) {
    Replica& replica = replicas_.emplace_back();
    replica.link = std::make_unique<DatabaseLink>(postgres_.socket_folder());
    // So little memory that answers come from the gallery, too.
    replica.server = std::make_unique<WalkServer>(std::vector<std::string>{
        "--gallery=" + PostgresServer::Through(replica.link->folder(), gallery_), "--cached-references=6",
        "--max-staleness=3", absl::StrCat("--store-timeout=", kStoreTimeoutSeconds)});
    if (absl::Status started = replica.server->Start(); !started.ok()) return started;
  }
  return absl::OkStatus();
}

std::vector<int> PostgresWalk::Healthy() {
  std::vector<int> healthy;
  for (int i = 0; i < servers(); ++i) {
    if (server(i).runs() && replica(i).reaches_gallery()) healthy.push_back(i);
  }
  return healthy;
}

std::vector<int> PostgresWalk::CutOff() {
  std::vector<int> cut_off;
  for (int i = 0; i < servers(); ++i) {
    if (server(i).runs() && !replica(i).reaches_gallery()) cut_off.push_back(i);
  }
  return cut_off;
}

Disturbance PostgresWalk::NextDisturbance() {
  const std::vector<int> healthy = Healthy();
  const int victim = healthy[static_cast<size_t>(Below(static_cast<int>(healthy.size())))];
  const int what = Below(100);
  if (what < 6 && healthy.size() > 1) return Kill(victim);
  if (what < 11 && healthy.size() > 1) return Break(victim, DatabaseLink::State::kCut, "cut");
  if (what < 15 && healthy.size() > 1) return Break(victim, DatabaseLink::State::kSilent, "silent");
  if (what < 19) return Slow(victim);
  if (what < 23) return HoldLock(absl::Milliseconds(300));
  if (what < 25) return HoldLock(absl::Seconds(kStoreTimeoutSeconds + 1));
  if (what < 28) return CloseConnections();
  if (what < 30) return KillDatabase();
  return {};
}

Disturbance PostgresWalk::Kill(int number) {
  const absl::Duration when = absl::Milliseconds(Below(kMostMillisecondsToKill));
  replica(number).steps_until_repair = Below(kMostStepsBroken);
  return {.name = absl::StrCat("server ", number, " is killed"),
          .changes_may_fail = {number},
          .reads_may_fail = {number},
          .meanwhile = [this, number, when] {
            absl::SleepFor(when);
            server(number).Kill();
          }};
}

Disturbance PostgresWalk::Break(int number, DatabaseLink::State state, const char* how) {
  const absl::Duration when = absl::Milliseconds(Below(kMostMillisecondsToKill));
  replica(number).steps_until_repair = Below(kMostStepsBroken);
  return {.name = absl::StrCat("the link of server ", number, " is ", how),
          .changes_may_fail = {number},
          .reads_may_fail = {number},
          .meanwhile = [this, number, state, when] {
            absl::SleepFor(when);
            replica(number).link->Set(state);
          }};
}

Disturbance PostgresWalk::Slow(int number) {
  return {.name = absl::StrCat("the link of server ", number, " is slow"),
          .before = [this, number] { replica(number).link->Set(DatabaseLink::State::kSlow, kSlowMessage); },
          .after = [this, number] { replica(number).link->Set(DatabaseLink::State::kOpen); }};
}

// A statement of somebody else's that others have to wait for. Verify has not.
Disturbance PostgresWalk::HoldLock(absl::Duration hold) {
  const auto session = std::make_shared<PostgresConnection>(gallery_, kOwnTimeout);
  Disturbance disturbance{.name = absl::StrCat("the gallery is locked for ", absl::FormatDuration(hold)),
                          .before =
                              [session] {
                                session->Execute("BEGIN");
                                session->Run(kLock, {});
                              },
                          .meanwhile =
                              [session, hold] {
                                absl::SleepFor(hold);
                                session->Execute("COMMIT");
                              }};
  if (hold > absl::Seconds(kStoreTimeoutSeconds)) {
    for (int i = 0; i < servers(); ++i) disturbance.changes_may_fail.insert(i);
  }
  return disturbance;
}

// As a restart of the database does, or a limit on idle connections: when nobody is using them.
Disturbance PostgresWalk::CloseConnections() {
  return {.name = "all connections have been closed", .before = [this] {
            PostgresConnection(gallery_, kOwnTimeout)
                .Run(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                    {});
          }};
}

Disturbance PostgresWalk::KillDatabase() {
  const absl::Duration when = absl::Milliseconds(Below(kMostMillisecondsToKill));
  Disturbance disturbance{.name = "the database is killed",
                          .meanwhile =
                              [this, when] {
                                absl::SleepFor(when);
                                postgres_.Kill();
                              },
                          .after = [this] { postgres_.StartAgain(); }};
  for (int i = 0; i < servers(); ++i) {
    disturbance.changes_may_fail.insert(i);
    disturbance.reads_may_fail.insert(i);
  }
  return disturbance;
}

absl::Status PostgresWalk::Repair(bool all) {
  for (int i = 0; i < servers(); ++i) {
    Replica& broken = replica(i);
    if (broken.server->runs() && broken.reaches_gallery()) continue;
    if (!all && broken.steps_until_repair-- > 0) continue;
    broken.link->Set(DatabaseLink::State::kOpen);
    if (broken.server->runs()) continue;
    if (absl::Status started = broken.server->Start(); !started.ok()) {
      return absl::InternalError(absl::StrCat("server ", i, " does not start again: ", started.message()));
    }
  }
  return absl::OkStatus();
}

int64_t PostgresWalk::AwaitQuiet() {
  const absl::Time until = absl::Now() + kOwnTimeout;
  while (true) {
    try {
      PostgresConnection session(gallery_, kOwnTimeout);
      session.Execute("BEGIN");
      const int64_t revision = std::get<int64_t>(session.Run(kLock, {})[0][0]);
      session.Execute("COMMIT");
      return revision;
    } catch (const std::exception&) {
      // After a crash it recovers for a moment.
      if (absl::Now() > until) throw;
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
}

}  // namespace likeness
