// Random walks of servers through everything that callers, operators and accidents do to a gallery, held against a
// model of what it must hold after each step (walk/walk.h).
//
// Short by default; LIKENESS_WALK_STEPS=2000 is the long one (make torture). LIKENESS_WALK_SEED repeats a walk as far
// as the time that things take allows; LIKENESS_WALK_VIOLATIONS=20 goes on, on an empty gallery, after what it finds.
#include <gtest/gtest.h>

#include <memory>

#include "tests/integration/walk/postgres_walk.h"
#include "tests/integration/walk/sqlite_walk.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

TEST(WalkTest, ThreeServersOnOneDatabaseKeepWhatTheyAcknowledge) {
  const std::unique_ptr<PostgresServer> postgres = PostgresServer::Start();
  if (postgres == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  PostgresWalk(*postgres, WalkOptions::FromEnvironment(/*steps=*/60)).Run();
}

TEST(WalkTest, OneServerOnAFileKeepsWhatItAcknowledges) {
  SqliteWalk(WalkOptions::FromEnvironment(/*steps=*/40)).Run();
}

}  // namespace
}  // namespace likeness
