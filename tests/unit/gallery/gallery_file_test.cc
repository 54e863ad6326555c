// Backup, restore and check of a gallery's file, with and without a server that has it open.
#include "server/gallery/gallery_file.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr EnrolmentLimits kMany = {.references = 1000};

void Enrol(Store& store, const std::string& person_id) {
  ASSERT_THAT(store.Enrol(EnrolmentOf(person_id, {ReferenceNamed("of " + person_id)}), kMany), IsOk());
}

// A closed gallery of these people.
std::string GalleryOf(const std::vector<std::string>& persons) {
  std::string path = UniquePath("gallery.db");
  const auto store = OpenSqliteStore(path, ProtectionBy(1));
  for (const std::string& person : persons) Enrol(**store, person);
  return path;
}

std::vector<std::string> PersonsIn(const std::string& path) {
  const auto store = OpenSqliteStore(path, ProtectionBy(1));
  EXPECT_THAT(store, IsOk());
  std::vector<std::string> ids;
  if (!store.ok()) return ids;
  const auto persons = (*store)->ListPersons("", 1000);
  EXPECT_THAT(persons, IsOk());
  if (!persons.ok()) return ids;
  for (const PersonRecord& person : *persons) ids.push_back(person.person_id);
  return ids;
}

std::vector<std::string> FilesBeside(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path()))
    names.push_back(entry.path().filename());
  return names;
}

unsigned ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

void Alter(const std::string& path, const std::string& sql) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE);
  database.exec(sql);
}

TEST(GalleryFileTest, ReportsWhatIsInAGallery) {
  const std::string path = GalleryOf({"ada", "bob"});
  const auto report = CheckGalleryFile(path);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->persons, 2);
  EXPECT_EQ(report->references, 2);
  EXPECT_EQ(report->revision, 2);
  EXPECT_TRUE(report->encrypted);
  EXPECT_EQ(report->persons_without_key, 0);
  EXPECT_EQ(report->gallery_id.size(), 32u);
  EXPECT_EQ(report->history.size(), 32u);
  EXPECT_THAT(FilesBeside(path), Not(Contains("gallery.db-wal"))) << "looking leaves nothing behind";
}

TEST(GalleryFileTest, GivesEveryGalleryItsOwnIdAndHistory) {
  const auto one = CheckGalleryFile(GalleryOf({})), other = CheckGalleryFile(GalleryOf({}));
  EXPECT_NE(one->gallery_id, other->gallery_id);
  EXPECT_NE(one->history, other->history);
}

TEST(GalleryFileTest, ReadsWhatAServerHasInItsLogAndDoesNotDisturbIt) {
  const std::string path = GalleryOf({"ada"}), backup = UniquePath("backup.db");
  const auto server = OpenSqliteStore(path, ProtectionBy(1));
  Enrol(**server, "bob");
  EXPECT_EQ(CheckGalleryFile(path)->persons, 2);
  const auto report = BackUpGallery(path, backup);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->persons, 2);
  Enrol(**server, "eve");
  EXPECT_EQ(CheckGalleryFile(path)->persons, 3);
  EXPECT_THAT(PersonsIn(backup), testing::ElementsAre("ada", "bob"));
}

TEST(GalleryFileTest, MakesABackupOfOneFileThatItsOwnerAloneReads) {
  const std::string path = GalleryOf({"ada"}), backup = UniquePath("backup.db");
  const mode_t before = umask(0);
  const auto report = BackUpGallery(path, backup);
  umask(before);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ModeOf(backup), 0600u);
  EXPECT_THAT(FilesBeside(backup), testing::ElementsAre("backup.db"));
}

TEST(GalleryFileTest, ReplacesABackupOnlyByAWholeOne) {
  const std::string path = GalleryOf({"ada"}), backup = UniquePath("backup.db");
  ASSERT_THAT(BackUpGallery(path, backup), IsOk());
  Alter(path, "UPDATE gallery SET persons = 7");
  const std::string content = ReadFile(backup);
  EXPECT_THAT(BackUpGallery(path, backup), HasStatus(absl::StatusCode::kDataLoss, HasSubstr("counts 7 persons")));
  EXPECT_TRUE(ReadFile(backup) == content);
  EXPECT_THAT(FilesBeside(backup), testing::ElementsAre("backup.db"));
  Alter(path, "UPDATE gallery SET persons = 1");
  EXPECT_THAT(BackUpGallery(path, backup), IsOk());
}

TEST(GalleryFileTest, BacksUpToNoFileThatIsInUse) {
  const std::string path = GalleryOf({"ada"}), other = GalleryOf({"bob"});
  EXPECT_THAT(BackUpGallery(path, path), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("itself")));
  const auto server = OpenSqliteStore(other, ProtectionBy(1));
  EXPECT_THAT(BackUpGallery(path, other), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("server")));
  const std::string read = UniquePath("backup.db");
  WriteFile(read + "-wal", "what an old log might be");
  EXPECT_THAT(BackUpGallery(path, read), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
}

TEST(GalleryFileTest, SaysWhatIsNoGallery) {
  const std::string missing = UniquePath("gallery.db"), notes = UniquePath("notes.txt"), empty = UniquePath("empty.db");
  WriteFile(notes, std::string(5000, 'n'));
  WriteFile(empty, "");
  const std::string target = UniquePath("target.db");
  EXPECT_THAT(CheckGalleryFile(missing), HasStatus(absl::StatusCode::kNotFound, HasSubstr("not there")));
  EXPECT_THAT(BackUpGallery(missing, target), HasStatus(absl::StatusCode::kNotFound, HasSubstr("not there")));
  for (const std::string& path : {notes, empty}) {
    EXPECT_THAT(CheckGalleryFile(path), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
    EXPECT_THAT(BackUpGallery(path, target), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
    EXPECT_THAT(RestoreGallery(path, target, absl::Now()),
                HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
  }
  EXPECT_FALSE(fs::exists(target));
}

TEST(GalleryFileTest, FindsDamage) {
  const std::string path = GalleryOf({"ada", "bob", "eve"});
  for (const auto& [sql, what] :
       {std::pair("UPDATE gallery SET face_references = 9", "9 references"),
        std::pair("PRAGMA foreign_keys = OFF; DELETE FROM person WHERE person_id = 'bob'", "a row of face_reference"),
        std::pair("DELETE FROM gallery", "`gallery`")}) {
    Alter(path, sql);
    const auto report = CheckGalleryFile(path);
    ASSERT_THAT(report, IsOk()) << sql;
    EXPECT_THAT(report->problems, Contains(HasSubstr(what))) << sql;
  }
  std::string content = ReadFile(path);
  // Not those in front, where SQLite keeps what tables there are.
  const size_t pages = content.size() / 4096;
  for (size_t page = pages / 2; page < pages; ++page) content.replace(page * 4096, 100, 100, '\xff');
  WriteFile(path, content);
  const auto report = CheckGalleryFile(path);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, Not(IsEmpty()));
}

class RestoreTest : public testing::Test {
 protected:
  // Backed up with ada, then bob was added.
  RestoreTest() {
    EXPECT_THAT(BackUpGallery(path_, backup_), IsOk());
    before_ = *CheckGalleryFile(path_);
    Enrol(**OpenSqliteStore(path_, ProtectionBy(1)), "bob");
  }

  const std::string path_ = GalleryOf({"ada"}), backup_ = UniquePath("backup.db");
  GalleryFileReport before_;
};

TEST_F(RestoreTest, PutsTheBackupInPlaceWithANewHistoryAndKeepsWhatWasThere) {
  const auto restored = RestoreGallery(backup_, path_, absl::UnixEpoch());
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->kept, fs::canonical(path_).string() + ".before-restore-19700101T000000.000Z");
  EXPECT_EQ(ModeOf(path_), 0600u);
  const auto report = CheckGalleryFile(path_);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->history, restored->report.history);
  EXPECT_NE(report->history, before_.history);
  EXPECT_EQ(report->gallery_id, before_.gallery_id);
  EXPECT_EQ(report->revision, before_.revision);
  EXPECT_THAT(PersonsIn(path_), testing::ElementsAre("ada"));
  EXPECT_THAT(PersonsIn(restored->kept), testing::ElementsAre("ada", "bob"));
  EXPECT_EQ(CheckGalleryFile(backup_)->history, before_.history) << "the backup stays as it is";
}

TEST_F(RestoreTest, RefusesWhileAServerHasTheGalleryOpen) {
  auto server = OpenSqliteStore(path_, ProtectionBy(1));
  EXPECT_THAT(RestoreGallery(backup_, path_, absl::Now()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("stop it first")));
  Enrol(**server, "eve");
  server->reset();
  EXPECT_THAT(PersonsIn(path_), testing::ElementsAre("ada", "bob", "eve"));
  EXPECT_THAT(RestoreGallery(backup_, path_, absl::Now()), IsOk());
}

// The log has people whom the file alone has not.
TEST_F(RestoreTest, KeepsTheLogThatAKilledServerLeftWithItsFile) {
  const std::string killed = UniquePath("gallery.db");
  {
    const auto server = OpenSqliteStore(path_, ProtectionBy(1));
    Enrol(**server, "eve");
    for (const char* suffix : {"", "-wal"}) fs::copy_file(path_ + suffix, killed + suffix);
  }
  const auto restored = RestoreGallery(backup_, killed, absl::Now());
  ASSERT_THAT(restored, IsOk());
  EXPECT_FALSE(fs::exists(killed + "-wal"));
  EXPECT_THAT(PersonsIn(killed), testing::ElementsAre("ada"));
  EXPECT_THAT(PersonsIn(restored->kept), testing::ElementsAre("ada", "bob", "eve"));
}

TEST_F(RestoreTest, MendsABackupThatWasCopiedOverTheFileOfAKilledServer) {
  const std::string killed = UniquePath("gallery.db");
  {
    const auto server = OpenSqliteStore(path_, ProtectionBy(1));
    Enrol(**server, "eve");
    fs::copy_file(path_ + "-wal", killed + "-wal");
  }
  fs::copy_file(backup_, killed);
  const auto check = CheckGalleryFile(killed);
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->problems, Contains(HasSubstr("belongs to another state")));
  EXPECT_THAT(BackUpGallery(killed, UniquePath("other.db")),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
  ASSERT_THAT(OpenSqliteStore(killed, ProtectionBy(1)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("-wal")));
  const auto restored = RestoreGallery(backup_, killed, absl::Now());
  ASSERT_THAT(restored, IsOk());
  EXPECT_THAT(PersonsIn(killed), testing::ElementsAre("ada"));
  EXPECT_TRUE(fs::exists(restored->kept + ".other-wal")) << "no log is thrown away";
}

TEST_F(RestoreTest, PutsAGalleryWhereNoneWas) {
  const std::string path = UniquePath("gallery.db");
  const auto restored = RestoreGallery(backup_, path, absl::Now());
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->kept, "");
  EXPECT_THAT(PersonsIn(path), testing::ElementsAre("ada"));
}

TEST_F(RestoreTest, TakesNoOtherGallerysPlaceUnlessItIsTold) {
  const std::string other = GalleryOf({"zoe"});
  EXPECT_THAT(RestoreGallery(backup_, other, absl::Now()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("--other-gallery")));
  EXPECT_THAT(PersonsIn(other), testing::ElementsAre("zoe"));
  EXPECT_THAT(RestoreGallery(backup_, other, absl::Now(), {.other_gallery = true}), IsOk());
  EXPECT_THAT(PersonsIn(other), testing::ElementsAre("ada"));
}

TEST_F(RestoreTest, LeavesTheGalleryAloneWhenTheBackupIsDamaged) {
  Alter(backup_, "UPDATE gallery SET persons = 7");
  EXPECT_THAT(RestoreGallery(backup_, path_, absl::Now()), HasStatus(absl::StatusCode::kDataLoss, HasSubstr(backup_)));
  EXPECT_THAT(PersonsIn(path_), testing::ElementsAre("ada", "bob"));
  for (const std::string& name : FilesBeside(path_)) EXPECT_THAT(name, Not(HasSubstr("unfinished")));
}

}  // namespace
}  // namespace likeness
