// What happens to a gallery's file behind the back of its server: removed, replaced, overwritten, put back beside the
// log of another time, held by a reader while somebody is deleted.
#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/sqlite_connection.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr EnrolmentLimits kMany = {.references = 1000};

absl::Status EnrolPersons(Store& store, int first, int last) {
  for (int number = first; number <= last; ++number) {
    const std::string person = absl::StrCat("person-", number);
    const auto enrolled =
        store.Enrol(EnrolmentOf(person, {ReferenceNamed("of " + person, static_cast<float>(number))}), kMany);
    if (!enrolled.ok()) return enrolled.status();
  }
  return absl::OkStatus();
}

// As the documented `sqlite3 gallery.db ".backup copy.db"` makes it.
std::string BackupOf(const std::string& path) {
  std::string copy = UniquePath("backup.sqlite");
  SQLite::Database from(path, SQLite::OPEN_READONLY), to(copy, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  SQLite::Backup(to, from).executeStep();
  return copy;
}

// What `kill -9` leaves of a gallery that is open now: the file and its log, as they are on the disk.
std::string KilledCopyOf(const std::string& path) {
  std::string copy = UniquePath("gallery.sqlite");
  for (const char* suffix : {"", "-wal"}) fs::copy_file(path + suffix, copy + suffix);
  return copy;
}

void Overwrite(const std::string& path, const std::string& with) {
  fs::copy_file(with, path, fs::copy_options::overwrite_existing);
}

// Waits, as long as a busy machine may need, until the condition holds.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

// A gallery of 40 people who are in its file, with a backup of that; 20 more are only in its log.
class KilledGallery {
 public:
  KilledGallery() {
    const std::string path = UniquePath("gallery.sqlite");
    EXPECT_THAT(EnrolPersons(**OpenSqliteStore(path), 1, 40), IsOk());
    old_backup = BackupOf(path);
    const auto store = OpenSqliteStore(path);
    EXPECT_THAT(EnrolPersons(**store, 41, 50), IsOk());
    EXPECT_THAT((*store)->DeletePerson("person-41"), IsOk()) << "which empties the log: what follows builds on this";
    EXPECT_THAT(EnrolPersons(**store, 51, 60), IsOk());
    killed = KilledCopyOf(path);
  }

  std::string old_backup, killed;
};

TEST(SqliteFileTest, OpensWhatAKillLeft) {
  const KilledGallery gallery;
  const auto store = OpenSqliteStore(gallery.killed);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(59, 59)));
}

// SQLite replays whatever log lies beside a file; this one's pages belong to another state of the gallery.
TEST(SqliteFileTest, NeverReplaysTheLogOfAnotherTimeOverABackupThatWasPutBack) {
  const KilledGallery gallery;
  Overwrite(gallery.killed, gallery.old_backup);
  const std::string file = ReadFile(gallery.killed), log = ReadFile(gallery.killed + "-wal");
  for (int start = 0; start < 2; ++start) {
    EXPECT_THAT(OpenSqliteStore(gallery.killed),
                HasStatus(absl::StatusCode::kFailedPrecondition,
                          testing::AllOf(HasSubstr("gallery " + gallery.killed), HasSubstr("-wal"),
                                         HasSubstr("likeness gallery restore"))));
    EXPECT_TRUE(ReadFile(gallery.killed) == file) << "nothing was changed";
    EXPECT_TRUE(ReadFile(gallery.killed + "-wal") == log) << "nothing was thrown away";
  }
  fs::remove(gallery.killed + "-wal");
  const auto store = OpenSqliteStore(gallery.killed);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(40, 40)));
}

// A backup of a later time than the log: what a restore without removing the log does twice over.
TEST(SqliteFileTest, NeverReplaysALogThatIsOlderThanTheFile) {
  const KilledGallery gallery;
  const std::string old_log = ReadFile(gallery.killed + "-wal");
  {
    const auto store = OpenSqliteStore(gallery.killed);
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(EnrolPersons(**store, 61, 70), IsOk());
  }
  WriteFile(gallery.killed + "-wal", old_log);
  EXPECT_THAT(OpenSqliteStore(gallery.killed), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
}

// Its stamp is in the log, but its pages lie elsewhere than the log's.
TEST(SqliteFileTest, NeverReplaysALogOverACopyWhoseLayoutIsAnother) {
  const std::string path = UniquePath("gallery.sqlite"), copy = UniquePath("copy.sqlite");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(EnrolPersons(**store, 1, 40), IsOk());
  ASSERT_THAT((*store)->DeletePerson("person-1"), IsOk());
  ASSERT_THAT(EnrolPersons(**store, 41, 50), IsOk());
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("VACUUM INTO '" + copy + "'");
  ASSERT_THAT(EnrolPersons(**store, 51, 60), IsOk());
  const std::string killed = KilledCopyOf(path);
  Overwrite(killed, copy);
  EXPECT_THAT(OpenSqliteStore(killed), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
  Overwrite(path, copy);
  EXPECT_THAT(EnrolPersons(**store, 61, 61), FailsWith(Reason::STORE_FAILED));
}

// A backup of a version that left no links, beside the log of one that did.
TEST(SqliteFileTest, NeverReplaysALogOverABackupOfAnEarlierVersion) {
  const KilledGallery gallery;
  SQLite::Database(gallery.old_backup, SQLite::OPEN_READWRITE).exec("DROP TABLE log_link");
  Overwrite(gallery.killed, gallery.old_backup);
  EXPECT_THAT(OpenSqliteStore(gallery.killed), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
}

// As after a kill in the middle of the first start, or of the first one of a new version.
TEST(SqliteFileTest, OpensAGalleryWhoseSchemaIsInItsLogAlone) {
  const std::string path = UniquePath("gallery.sqlite");
  MakeGalleryFile(path);
  SqliteConnection connection(path);
  Migrate(connection.database());
  const std::string killed = KilledCopyOf(path);
  EXPECT_THAT(OpenSqliteStore(killed), IsOk());
}

// SQLite takes the log of an empty file away.
TEST(SqliteFileTest, MakesNoNewGalleryBesideTheLogOfOneWhoseFileIsGone) {
  const KilledGallery gallery;
  fs::remove(gallery.killed);
  EXPECT_THAT(OpenSqliteStore(gallery.killed), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
  EXPECT_FALSE(fs::exists(gallery.killed));
  EXPECT_TRUE(fs::exists(gallery.killed + "-wal"));
}

// As an orchestrator does to a server that is not healthy, because its file was removed.
TEST(SqliteFileTest, MakesNoNewGalleryWhereOneWasUnlessItIsTold) {
  const std::string path = UniquePath("gallery.sqlite");
  ASSERT_THAT(EnrolPersons(**OpenSqliteStore(path), 1, 3), IsOk());
  fs::remove(path);
  for (int start = 0; start < 2; ++start) {
    EXPECT_THAT(OpenSqliteStore(path), HasStatus(absl::StatusCode::kFailedPrecondition,
                                                 testing::AllOf(HasSubstr("gallery restore"), HasSubstr(".lock"))));
    EXPECT_FALSE(fs::exists(path));
  }
  WriteFile(path, "");
  EXPECT_THAT(OpenSqliteStore(path), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("gallery restore")));
  fs::remove(path + ".lock");
  EXPECT_THAT(OpenSqliteStore(path), IsOk());
}

class LostFileTest : public testing::Test {
 protected:
  LostFileTest() {
    store_ = *OpenSqliteStore(path_);
    EXPECT_THAT(EnrolPersons(*store_, 1, 10), IsOk());
    backup_ = BackupOf(path_);
    EXPECT_THAT(EnrolPersons(*store_, 11, 20), IsOk());
    EXPECT_THAT(store_->References("person-1"), IsOk());
  }

  // Every call fails from now on, or soon, with a message that says what to do.
  void ExpectLost() {
    EXPECT_THAT(EnrolPersons(*store_, 21, 21), FailsWith(Reason::STORE_FAILED))
        << "nothing is acknowledged that is lost";
    EXPECT_TRUE(Eventually([&] { return !store_->References("person-1").ok(); }));
    EXPECT_THAT(store_->References("person-1"), FailsWith(Reason::STORE_FAILED));
    EXPECT_THAT(store_->References("person-1").status().message(), HasSubstr("likeness gallery restore"));
    EXPECT_THAT(store_->DeletePerson("person-1"), FailsWith(Reason::STORE_FAILED));
    EXPECT_THAT(store_->ListPersons("", 10), FailsWith(Reason::STORE_FAILED));
  }

  const std::string path_ = UniquePath("gallery.sqlite");
  std::unique_ptr<Store> store_;
  std::string backup_;
};

TEST_F(LostFileTest, AcknowledgesNothingOnceItsFileWasRemovedAndNeverMakesAnother) {
  fs::remove(path_);
  ExpectLost();
  EXPECT_FALSE(fs::exists(path_));
  store_.reset();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(LostFileTest, AcknowledgesNothingOnceItsFileAndLogWereRemoved) {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path_ + suffix);
  ExpectLost();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(LostFileTest, NoticesAnotherFileInItsPlaceAndLeavesThatOneAsItIs) {
  const std::string content = ReadFile(backup_);
  fs::rename(backup_, path_);
  ExpectLost();
  store_.reset();
  EXPECT_TRUE(ReadFile(path_) == content);
}

TEST_F(LostFileTest, NoticesThatABackupWasCopiedOverItAndLeavesThatAsItIs) {
  ASSERT_THAT(store_->DeletePerson("person-20"), IsOk()) << "which empties the log: the file is newer than the backup";
  Overwrite(path_, backup_);
  ExpectLost();
  store_.reset();
  EXPECT_TRUE(ReadFile(path_) == ReadFile(backup_));
}

// All that makes the file newer than the backup is in its log still.
TEST_F(LostFileTest, LosesNothingToABackupOfItselfThatWasCopiedOverIt) {
  Overwrite(path_, backup_);
  EXPECT_THAT(EnrolPersons(*store_, 21, 30), IsOk());
  EXPECT_THAT(store_->DeletePerson("person-1"), IsOk());
  const std::string killed = KilledCopyOf(path_);
  for (const std::string& path : {path_, killed}) {
    store_.reset();
    const auto again = OpenSqliteStore(path);
    ASSERT_THAT(again, IsOk());
    EXPECT_THAT((*again)->Size(), IsOkAndHolds(HasSize(29, 29)));
    EXPECT_THAT((*again)->References("person-30"), IsOk());
  }
}

TEST_F(LostFileTest, LosesNothingAcknowledgedWithItsLog) {
  fs::remove(path_ + "-wal");
  ExpectLost();
  store_.reset();
  const auto again = OpenSqliteStore(path_);
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT((*again)->Size(), IsOkAndHolds(HasSize(20, 20)));
}

TEST(SqliteFileTest, IsNotMistakenAboutItsFileWhileItIsBackedUpCheckpointedAndVacuumed) {
  const std::string path = UniquePath("gallery.sqlite");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  for (int round = 0; round < 20; ++round) {
    ASSERT_THAT(EnrolPersons(**store, round * 10, round * 10 + 9), IsOk()) << round;
    SQLite::Database outside(path, SQLite::OPEN_READWRITE);
    outside.exec(round % 4 == 0 ? "VACUUM" : "PRAGMA wal_checkpoint(TRUNCATE)");
    BackupOf(path);
    ASSERT_THAT((*store)->DeletePerson(absl::StrCat("person-", round * 10)), IsOk()) << round;
    ASSERT_THAT((*store)->References(absl::StrCat("person-", round * 10 + 1)), IsOkAndHolds(SizeIs(1))) << round;
  }
}

// A backup reads for as long as it takes. Meanwhile the pages that it sees have to stay in the log.
TEST(SqliteFileTest, EmptiesItsLogOfADeletedPersonAsSoonAsAReaderIsGone) {
  const std::string path = UniquePath("gallery.sqlite");
  std::atomic<int64_t> pending = -1;
  auto database = SqliteDatabase::Open(path, {[] {}, [&](int64_t deletions) { pending = deletions; }});
  ASSERT_THAT(database, IsOk());
  EXPECT_EQ(pending, 0);
  const auto store = SqlStore::Open(*std::move(database), Protection::Plaintext());
  ASSERT_THAT(store, IsOk());
  const std::string secret = "a crop that nobody may find";
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")});
  enrolment.crops.push_back({"kind", secret});
  ASSERT_THAT((*store)->Enrol(enrolment, kMany), IsOk());
  const auto on_disk = [&] { return ReadFile(path) + ReadFile(path + "-wal"); };
  auto reader = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READONLY);
  reader->exec("BEGIN");
  ASSERT_EQ(reader->execAndGet("SELECT count(*) FROM person").getInt(), 1);
  ASSERT_THAT((*store)->DeletePerson("ada"), IsOk());
  EXPECT_THAT((*store)->References("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(EnrolPersons(**store, 1, 3), IsOk());
  EXPECT_THAT(on_disk(), HasSubstr(secret)) << "the reader sees it still";
  EXPECT_EQ(pending, 1) << "and the operator is told";
  EXPECT_EQ(reader->execAndGet("SELECT count(*) FROM person").getInt(), 1);
  reader.reset();
  EXPECT_TRUE(Eventually([&] { return on_disk().find(secret) == std::string::npos; }));
  EXPECT_TRUE(Eventually([&] { return pending == 0; }));
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(3, 3)));
}

}  // namespace
}  // namespace likeness
