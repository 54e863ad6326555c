// `likeness gallery`: what it prints and how it exits. server/gallery/gallery_file.h is tested in tests/unit/gallery.
#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/gallery/sqlite_connection.h"
#include "tests/unit/client/cli_run.h"

namespace likeness {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class GalleryCommandsTest : public testing::Test {
 protected:
  GalleryCommandsTest() {
    std::filesystem::remove(gallery_);
    MakeGalleryFile(gallery_);
    Migrate(SqliteConnection(gallery_).database());
  }

  const std::string gallery_ = TemporaryPath("gallery.db"), backup_ = TemporaryPath("backup.db");
};

TEST_F(GalleryCommandsTest, BacksUpRestoresAndChecks) {
  const CliRun backup = RunCli({"gallery", "backup", "sqlite:" + gallery_, backup_});
  EXPECT_EQ(backup.exit_code, 0) << backup.err;
  EXPECT_THAT(backup.out, AllOf(StartsWith("backed up to " + backup_), HasSubstr("0 persons, 0 references, revision 0"),
                                HasSubstr("not encrypted"), HasSubstr("history ")));
  const CliRun restore = RunCli({"gallery", "restore", backup_, gallery_, "--json"});
  EXPECT_EQ(restore.exit_code, 0) << restore.err;
  const json restored = json::parse(restore.out);
  EXPECT_TRUE(std::filesystem::exists(restored["kept"].get<std::string>()));
  const CliRun check = RunCli({"gallery", "check", gallery_, "--json"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_EQ(json::parse(check.out)["history"], restored["history"]);
  EXPECT_NE(json::parse(RunCli({"gallery", "check", backup_, "--json"}).out)["history"], restored["history"]);
}

TEST_F(GalleryCommandsTest, ExitsWithOneForADamagedGalleryAndWithTwoForNone) {
  SQLite::Database(gallery_, SQLite::OPEN_READWRITE).exec("UPDATE gallery SET persons = 3");
  const CliRun damaged = RunCli({"gallery", "check", gallery_});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.out, AllOf(StartsWith(gallery_ + ": damaged"), HasSubstr("it counts 3 persons")));
  const CliRun backup = RunCli({"gallery", "backup", gallery_, TemporaryPath("never.db")});
  EXPECT_EQ(backup.exit_code, 2);
  EXPECT_THAT(backup.err, StartsWith("error: DATA_LOSS: "));
  EXPECT_EQ(RunCli({"gallery", "check", TemporaryPath("none.db")}).exit_code, 2);
  EXPECT_EQ(RunCli({"gallery"}).exit_code, 2);
}

TEST_F(GalleryCommandsTest, SaysWhoseToolsPostgresNeeds) {
  for (const char* command : {"backup", "restore", "check"}) {
    std::vector<std::string> arguments = {"gallery", command};
    if (command == std::string("restore")) arguments.push_back(backup_);
    arguments.push_back("postgres://user@host/database");
    if (command == std::string("backup")) arguments.push_back(backup_);
    const CliRun run = RunCli(arguments);
    EXPECT_EQ(run.exit_code, 2) << command;
    EXPECT_THAT(run.err, AllOf(HasSubstr("pg_dump"), HasSubstr("pg_restore"))) << command;
  }
}

}  // namespace
}  // namespace likeness
