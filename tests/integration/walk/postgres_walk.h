// The random walk of three servers on one PostgreSQL gallery, each with a link of its own to the database.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_POSTGRES_WALK_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_POSTGRES_WALK_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/walk/walk.h"
#include "tests/support/database_link.h"
#include "tests/support/postgres_server.h"

namespace likeness {

class PostgresWalk : public Walk {
 public:
  // `postgres` must outlive it.
  PostgresWalk(PostgresServer& postgres, const WalkOptions& options);

 protected:
  absl::Status Open() override;
  int servers() const override { return static_cast<int>(replicas_.size()); }
  WalkServer& server(int number) override { return *replicas_[static_cast<size_t>(number)].server; }
  std::vector<int> Healthy() override;
  std::vector<int> CutOff() override;
  Disturbance NextDisturbance() override;
  absl::Status Repair(bool all) override;
  int64_t AwaitQuiet() override;

 private:
  struct Replica {
    std::unique_ptr<DatabaseLink> link;
    std::unique_ptr<WalkServer> server;
    int steps_until_repair = 0;  // while it is dead or cut off

    bool reaches_gallery() const {
      return link->state() == DatabaseLink::State::kOpen || link->state() == DatabaseLink::State::kSlow;
    }
  };

  Replica& replica(int number) { return replicas_[static_cast<size_t>(number)]; }
  Disturbance Kill(int number);
  Disturbance Break(int number, DatabaseLink::State state, const char* how);
  Disturbance Slow(int number);
  Disturbance HoldLock(absl::Duration hold);
  Disturbance CloseConnections();
  Disturbance KillDatabase();

  PostgresServer& postgres_;
  std::string gallery_;
  std::vector<Replica> replicas_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_POSTGRES_WALK_H_
