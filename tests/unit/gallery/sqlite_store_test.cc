#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "server/hashing/sha256.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/coordination_conformance.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr EnrolmentLimits kMany = {.references = 1000};

std::unique_ptr<Store> MakeSqliteStore() { return *OpenSqliteStore(UniquePath("gallery.sqlite")); }

std::unique_ptr<Store> MakeEncryptedSqliteStore() {
  return *OpenSqliteStore(UniquePath("gallery.sqlite"), ProtectionBy(1));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformanceTest, testing::Values(&MakeSqliteStore));
INSTANTIATE_TEST_SUITE_P(Sqlite, CoordinationTest, testing::Values(&MakeSqliteStore));
INSTANTIATE_TEST_SUITE_P(EncryptedSqlite, StoreConformanceTest, testing::Values(&MakeEncryptedSqliteStore));

// A gallery of two persons, closed.
std::string GalleryFile() {
  const std::string path = UniquePath("gallery.sqlite");
  const auto store = OpenSqliteStore(path);
  EXPECT_THAT(store, IsOk());
  EXPECT_THAT(
      (*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1), ReferenceNamed("r2", 2)}, "request", 1), kMany),
      IsOk());
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3", 3)}), kMany), IsOk());
  return path;
}

// Changes a closed gallery as no store does.
void Alter(const std::string& path, const std::string& sql) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE);
  database.exec(sql);
}

auto IsRefused(const std::string& path, const std::string& why) {
  return HasStatus(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("gallery " + path), HasSubstr(why)));
}

TEST(SqliteStoreTest, KeepsEverythingWhenItIsOpenedAgain) {
  const auto store = OpenSqliteStore(GalleryFile());
  ASSERT_THAT(store, IsOk());
  const auto references = (*store)->References("ada");
  ASSERT_THAT(references, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ((*references)[1].embedding.values, (std::vector<float>{2, -2}));
  EXPECT_EQ((*store)->GetPerson("bob")->create_time, EnrolmentTime());
  const auto replayed = (*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r9")}, "request", 1), kMany);
  ASSERT_THAT(replayed, IsOk());
  EXPECT_TRUE(replayed->replayed);
}

TEST(SqliteStoreTest, MakesTheFoldersOnItsWay) {
  const std::string path = UniquePath("a/b/gallery.sqlite");
  ASSERT_THAT(OpenSqliteStore(path), IsOk());
  EXPECT_TRUE(std::filesystem::exists(path));
}

// Faces are nobody else's business on this machine.
TEST(SqliteStoreTest, MakesAFileThatOnlyItsOwnerReads) {
  const std::string path = UniquePath("gallery.sqlite");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    ASSERT_EQ(stat((path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0077, 0u) << suffix;
  }
}

TEST(SqliteStoreTest, RefusesAFileThatAnotherServerHasOpen) {
  const std::string path = UniquePath("gallery.sqlite");
  auto first = OpenSqliteStore(path);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(OpenSqliteStore(path), IsRefused(path, "another server has it open"));
  first->reset();
  EXPECT_THAT(OpenSqliteStore(path), IsOk());
}

TEST(SqliteStoreTest, RefusesAFileThatAnotherServerHasOpenUnderAnotherName) {
  const std::string path = UniquePath("gallery.sqlite"), link = UniquePath("link.sqlite");
  std::filesystem::create_symlink(path, link);
  const auto first = OpenSqliteStore(path);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(OpenSqliteStore(link), IsRefused(link, "another server has it open"));
}

TEST(SqliteStoreTest, RefusesAPathThatCannotBe) {
  const std::string file = UniquePath("file");
  WriteFile(file, "not a folder");
  EXPECT_THAT(OpenSqliteStore(file + "/gallery.sqlite"), IsRefused(file, ""));
  const std::string folder = UniquePath("folder");
  std::filesystem::create_directory(folder);
  EXPECT_THAT(OpenSqliteStore(folder), IsRefused(folder, ""));
}

TEST(SqliteStoreTest, RefusesAFileThatIsNoDatabaseAndLeavesItAsItIs) {
  const std::string path = UniquePath("notes.txt");
  const std::string notes(5000, 'n');
  WriteFile(path, notes);
  EXPECT_THAT(OpenSqliteStore(path), IsRefused(path, "not a database"));
  EXPECT_EQ(ReadFile(path), notes);
}

TEST(SqliteStoreTest, RefusesAnotherProgramsDatabaseAndLeavesItAsItIs) {
  const std::string path = UniquePath("browser.sqlite");
  {
    SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE bookmark (url TEXT)");
  }
  const std::string before = ReadFile(path);
  EXPECT_THAT(OpenSqliteStore(path), IsRefused(path, "no likeness gallery"));
  EXPECT_EQ(ReadFile(path), before);
}

TEST(SqliteStoreTest, RefusesAGalleryOfANewerVersionAndLeavesItAsItIs) {
  const std::string path = GalleryFile();
  Alter(path, "PRAGMA user_version = 1000");
  const std::string before = ReadFile(path);
  EXPECT_THAT(OpenSqliteStore(path), IsRefused(path, "schema version 1000, made by a newer likeness"));
  EXPECT_EQ(ReadFile(path), before);
}

// Version 1 kept one embedding in the row of its reference, and no count of rows.
std::string GalleryOfVersionOne() {
  const std::string path = UniquePath("gallery.sqlite");
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(R"sql(
    CREATE TABLE person (person_id TEXT NOT NULL PRIMARY KEY, create_time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE face_reference (
      number INTEGER PRIMARY KEY AUTOINCREMENT, reference_id TEXT NOT NULL UNIQUE,
      person_id TEXT NOT NULL REFERENCES person(person_id) ON DELETE CASCADE, create_time INTEGER NOT NULL,
      model_digest BLOB NOT NULL, embedding BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
    CREATE INDEX face_reference_of_person ON face_reference(person_id, number);
    CREATE TABLE enrolment (
      request_id TEXT NOT NULL PRIMARY KEY, person_id TEXT NOT NULL REFERENCES person(person_id) ON DELETE CASCADE,
      content_digest BLOB NOT NULL, create_time INTEGER NOT NULL, model_digest BLOB NOT NULL,
      reference_ids TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX enrolment_of_person ON enrolment(person_id);
    PRAGMA application_id = 1818848101;
    PRAGMA user_version = 1;
    INSERT INTO person VALUES ('ada', 1), ('bob', 2);
  )sql");
  const std::string model(32, '\1');
  const float values[] = {2, -2};
  const std::string embedding(reinterpret_cast<const char*>(values), sizeof(values));
  for (const auto& [person, reference] : {std::pair("ada", "r1"), std::pair("ada", "r2"), std::pair("bob", "r3")}) {
    FieldHasher hasher;
    for (const std::string& field : {std::string(person), std::string(reference), model, embedding}) hasher.Add(field);
    const Sha256Digest digest = hasher.Finish();
    SQLite::Statement insert(database, "INSERT INTO face_reference VALUES (NULL, ?, ?, 1, ?, ?, ?)");
    insert.bind(1, reference);
    insert.bind(2, person);
    insert.bind(3, static_cast<const void*>(model.data()), 32);
    insert.bind(4, static_cast<const void*>(embedding.data()), 8);
    insert.bind(5, static_cast<const void*>(digest.data()), 16);
    insert.exec();
  }
  return path;
}

TEST(SqliteStoreTest, BringsAGalleryOfVersionOneUpToDate) {
  const auto store = OpenSqliteStore(GalleryOfVersionOne());
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(2, 3)));
  const auto references = (*store)->References("ada");
  ASSERT_THAT(references, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ((*references)[0].embedding.model, ModelNamed(1));
  EXPECT_EQ((*references)[1].embedding.values, (std::vector<float>{2, -2}));
  EXPECT_EQ((*store)->Coverage(ModelNamed(1), {"any"})->embedded, 3);
  ASSERT_THAT((*store)->DeletePerson("ada"), IsOk());
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(1, 1)));
}

// A limit on the size of files breaks the migration off where a kill or a full disk would.
TEST(SqliteStoreTest, AMigrationThatIsInterruptedAnywhereIsDoneAtTheNextOpening) {
  int interrupted = 0;
  bool done = false;
  for (rlim_t bytes = 0; !done && bytes < (1 << 20); bytes += 16 << 10) {
    const std::string path = GalleryOfVersionOne();
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      setrlimit(RLIMIT_FSIZE, &limit);
      _exit(OpenSqliteStore(path).ok() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    done = WEXITSTATUS(status) == 0;
    interrupted += done ? 0 : 1;
    const auto store = OpenSqliteStore(path);
    ASSERT_THAT(store, IsOk()) << bytes;
    EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(2, 3)));
    EXPECT_THAT((*store)->References("ada"), IsOkAndHolds(SizeIs(2)));
  }
  EXPECT_GT(interrupted, 2);
  EXPECT_TRUE(done);
}

// Each alteration leaves a reference that must never be compared.
TEST(SqliteStoreTest, NeverReturnsAReferenceThatWasAltered) {
  for (const char* sql : {
           // One bit of the embedding, one of the model's digest.
           "UPDATE embedding SET embedding = X'0100803F000080BF' WHERE reference = 1",
           "UPDATE embedding SET model_digest = CAST(X'00' || substr(model_digest, 2) AS BLOB) WHERE reference = 1",
           // Cut off, empty, too long.
           "UPDATE embedding SET embedding = substr(embedding, 1, 4) WHERE reference = 2",
           "UPDATE embedding SET embedding = substr(embedding, 1, 7) WHERE reference = 2",
           "UPDATE embedding SET embedding = X'' WHERE reference = 2",
           "UPDATE embedding SET embedding = CAST(embedding || embedding AS BLOB) WHERE reference = 2",
           "UPDATE embedding SET model_digest = X'' WHERE reference = 2",
           "UPDATE embedding SET checksum = X'' WHERE reference = 2",
           // Another's face under this name: moved, copied or renamed.
           "UPDATE face_reference SET person_id = 'ada' WHERE reference_id = 'r3'",
           "UPDATE embedding SET (embedding, checksum) = (SELECT embedding, checksum FROM embedding WHERE reference = "
           "3) "
           "WHERE reference = 1",
           "DELETE FROM embedding WHERE reference = 1; UPDATE embedding SET reference = 1 WHERE reference = 3",
           "UPDATE face_reference SET reference_id = 'r0' WHERE reference_id = 'r1'",
       }) {
    const std::string path = GalleryFile();
    Alter(path, sql);
    const auto store = OpenSqliteStore(path);
    ASSERT_THAT(store, IsOk()) << sql;
    EXPECT_THAT((*store)->References("ada"), FailsWith(Reason::STORE_CORRUPT)) << sql;
  }
}

TEST(SqliteStoreTest, ServesOtherPersonsBesideADamagedReferenceAndCanDeleteIt) {
  const std::string path = GalleryFile();
  Alter(path, "UPDATE embedding SET embedding = X'00' WHERE reference = 1");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->References("bob"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT((*store)->DeleteReference("ada", "r1"), IsOkAndHolds(HasReferences(1)));
  EXPECT_THAT((*store)->References("ada"), IsOkAndHolds(SizeIs(1)));
}

TEST(SqliteStoreTest, NeverHandsOutACropThatWasAlteredOrMoved) {
  for (const char* sql :
       {"UPDATE crop SET picture = CAST('face of bob' AS BLOB)", "UPDATE crop SET checksum = X''",
        "UPDATE crop SET reference = 3", "UPDATE face_reference SET person_id = 'bob' WHERE number = 4"}) {
    const std::string path = GalleryFile();
    {
      Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r4")});
      enrolment.crops = {{"arcface112", "face of ada"}};
      ASSERT_THAT((*OpenSqliteStore(path))->Enrol(enrolment, kMany), IsOk());
    }
    Alter(path, sql);
    const auto store = OpenSqliteStore(path);
    ASSERT_THAT(store, IsOk()) << sql;
    const auto page = (*store)->Unembedded(ModelNamed(2), {"arcface112"}, 0, 10);
    ASSERT_THAT(page, IsOk()) << sql;
    ASSERT_THAT(*page, SizeIs(1)) << sql;
    EXPECT_EQ(page->front().picture, "") << sql;
  }
}

// A damaged embedding keeps nobody from another model: the crop stands in for it, and where there is no whole one, its
// person is as hard to reach as before, and everybody else is embedded.
TEST(SqliteStoreTest, HandsOutTheCropInPlaceOfADamagedEmbedding) {
  const std::string path = GalleryFile();
  {
    Enrolment enrolment = EnrolmentOf("eve", {ReferenceNamed("r4"), ReferenceNamed("r5"), ReferenceNamed("r6")});
    enrolment.crops = {{"arcface112", "face 4"}, {"arcface112", "face 5"}, {"arcface112", "face 6"}};
    ASSERT_THAT((*OpenSqliteStore(path))->Enrol(enrolment, kMany), IsOk());
  }
  Alter(path,
        "UPDATE embedding SET embedding = X'00' WHERE reference IN (1, 4, 5);"
        "UPDATE crop SET picture = X'00' WHERE reference IN (5, 6)");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  const auto page = (*store)->Unembedded(ModelNamed(2), {"arcface112", ModelNamed(1)}, 0, 10);
  ASSERT_THAT(page, IsOk());
  ASSERT_THAT(IdsOf(*page), ElementsAre("r1", "r2", "r3", "r4", "r5", "r6"));
  const auto is_lost = [&](size_t i) { return (*page)[i].values.empty() && (*page)[i].picture.empty(); };
  EXPECT_TRUE(is_lost(0)) << "there is no crop";
  EXPECT_THAT((*page)[1].values, SizeIs(2));
  EXPECT_THAT((*page)[2].values, SizeIs(2));
  EXPECT_EQ((*page)[3].picture, "face 4");
  EXPECT_TRUE(is_lost(4)) << "the crop is damaged, too";
  EXPECT_THAT((*page)[5].values, SizeIs(2)) << "the crop is damaged, and not looked at";
}

TEST(SqliteStoreTest, ReportsADamagedPageAndServesOn) {
  const std::string path = GalleryFile();
  Alter(path, "DROP TABLE enrolment");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->FindEnrolment("request", ContentNamed(1)), FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r9")}, "other", 1), kMany),
              FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT((*store)->References("ada"), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r9")}), kMany), IsOk());
}

TEST(SqliteStoreTest, LeavesNoTraceOfADeletedPersonInItsFile) {
  const std::string path = UniquePath("gallery.sqlite");
  const std::vector<float> values = {0.123456789f, 0.987654321f, 0.555555555f};
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  {
    const auto store = OpenSqliteStore(path);
    ASSERT_THAT(store, IsOk());
    const Enrolment enrolment =
        EnrolmentOf("ada-lovelace-1815", {{"reference-of-ada", {ModelNamed(1), values}}}, "request-of-ada", 1);
    ASSERT_THAT((*store)->Enrol(enrolment, kMany), IsOk());
    ASSERT_THAT((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r1")}), kMany), IsOk());
  }
  EXPECT_THAT(ReadFile(path), AllOf(HasSubstr("ada-lovelace-1815"), HasSubstr(bytes)));
  ASSERT_THAT((*OpenSqliteStore(path))->DeletePerson("ada-lovelace-1815"), IsOk());
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
    const std::string content = ReadFile(entry.path());
    for (const std::string& trace :
         {std::string("ada-lovelace"), std::string("reference-of-ada"), std::string("request-of-ada"), bytes}) {
      EXPECT_EQ(content.find(trace), std::string::npos) << entry.path();
    }
  }
}

// Old pages used to stay in the write-ahead log until new ones happened to take their place.
TEST(SqliteStoreTest, LeavesNoTraceOfADeletedPersonInItsLogWhileItIsOpen) {
  const std::string path = UniquePath("gallery.sqlite");
  const auto store = OpenSqliteStore(path);
  ASSERT_THAT(store, IsOk());
  const std::string secret = "a crop that nobody may find";
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1", 1234.5F)});
  enrolment.crops.push_back({"kind", secret});
  ASSERT_THAT((*store)->Enrol(enrolment, kMany), IsOk());
  ASSERT_THAT((*store)->References("ada"), IsOk()) << "so that a reader is there too";
  const float value = 1234.5F;
  const std::string embedding(reinterpret_cast<const char*>(&value), sizeof(value));
  const auto on_disk = [&] { return ReadFile(path) + ReadFile(path + "-wal"); };
  EXPECT_THAT(on_disk(), AllOf(HasSubstr(secret), HasSubstr(embedding)));
  ASSERT_THAT((*store)->DeletePerson("ada"), IsOk());
  EXPECT_THAT(on_disk(), AllOf(Not(HasSubstr(secret)), Not(HasSubstr(embedding)), Not(HasSubstr("ada"))));
}

}  // namespace
}  // namespace likeness
