// What is on the disk of a gallery that is encrypted, and what becomes of one that was not.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/gallery/gallery.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr EnrolmentLimits kMany = {.references = 1000};
constexpr char kSecret[] = "a crop that nobody may see";

Enrolment EnrolmentOfAda() {
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1", 1234.5F)}, "request", 1);
  enrolment.crops = {{"arcface112", kSecret}};
  return enrolment;
}

std::string EmbeddingBytes() {
  const float value = 1234.5F;
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string OnDisk(const std::string& path) {
  return ReadFile(path) + (std::filesystem::exists(path + "-wal") ? ReadFile(path + "-wal") : "");
}

// As the server does beside its calls, to the end.
absl::Status EncryptEverybody(Store& store, int page_size = 100) {
  std::string after;
  while (true) {
    const absl::StatusOr<KeyRotation> page = store.EncryptPersons(after, page_size);
    if (!page.ok() || (page->last.empty() && after.empty())) return page.status();
    after = page->last;
  }
}

class EncryptedGalleryTest : public testing::Test {
 protected:
  std::unique_ptr<SqlStore> Open(std::shared_ptr<const Protection> protection) {
    absl::StatusOr<std::unique_ptr<SqlStore>> store = OpenSqliteStore(path_, std::move(protection));
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }

  const std::string path_ = UniquePath("gallery.sqlite");
};

TEST_F(EncryptedGalleryTest, ShowsNoFaceToWhoeverReadsTheDisk) {
  const auto store = Open(ProtectionBy(1));
  ASSERT_THAT(store->Enrol(EnrolmentOfAda(), kMany), IsOk());
  EXPECT_THAT(OnDisk(path_), AllOf(HasSubstr("ada"), Not(HasSubstr(kSecret)), Not(HasSubstr(EmbeddingBytes()))));
  const auto data = store->ReadPersonData("ada");
  ASSERT_THAT(data, IsOk());
  EXPECT_THAT(data->crops, SizeIs(1));
  EXPECT_EQ(data->crops.front().crop.picture, kSecret);
  EXPECT_EQ(data->embeddings.front().embedding.values, (std::vector<float>{1234.5F, -1234.5F}));
  EXPECT_THAT(data->request_ids, ElementsAre("request"));
}

TEST_F(EncryptedGalleryTest, IsOpenedByNobodyWithoutItsMasterKey) {
  ASSERT_THAT(Open(ProtectionBy(1))->Enrol(EnrolmentOfAda(), kMany), IsOk());
  EXPECT_THAT(OpenSqliteStore(path_), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("encrypted")));
  EXPECT_THAT(OpenSqliteStore(path_, ProtectionBy(2)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("master key")));
  EXPECT_THAT(Open(ProtectionBy(1))->References("ada"), IsOkAndHolds(SizeIs(1)));
}

TEST_F(EncryptedGalleryTest, StaysEncryptedAlsoWhileItIsEmpty) {
  Open(ProtectionBy(1));
  EXPECT_THAT(OpenSqliteStore(path_), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("encrypted")));
}

TEST_F(EncryptedGalleryTest, EncryptsAGalleryThatWasNot) {
  {
    const auto store = Open(Protection::Plaintext());
    ASSERT_THAT(store->Enrol(EnrolmentOfAda(), kMany), IsOk());
    for (int i = 0; i < 250; ++i) {
      const std::string name = "p" + std::to_string(i);
      ASSERT_THAT(store->Enrol(EnrolmentOf(name, {ReferenceNamed("of " + name)}), kMany), IsOk());
    }
    EXPECT_THAT(OnDisk(path_), AllOf(HasSubstr(kSecret), HasSubstr(EmbeddingBytes())));
  }
  const auto store = Open(ProtectionBy(1));
  EXPECT_EQ(store->ReadPersonData("ada")->crops.front().crop.picture, kSecret) << "also before it is encrypted";
  EXPECT_THAT(store->PersonsToEncrypt(), IsOkAndHolds(251));
  ASSERT_THAT(EncryptEverybody(*store), IsOk());
  EXPECT_THAT(store->PersonsToEncrypt(), IsOkAndHolds(0));
  EXPECT_THAT(OnDisk(path_), AllOf(Not(HasSubstr(kSecret)), Not(HasSubstr(EmbeddingBytes()))));
  EXPECT_EQ(store->ReadPersonData("ada")->crops.front().crop.picture, kSecret);
  EXPECT_EQ(store->References("ada")->front().embedding.values, (std::vector<float>{1234.5F, -1234.5F}));
  EXPECT_THAT(store->References("p249"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(store->EmbeddingsBy(ModelNamed(1), 0, 1000), IsOkAndHolds(SizeIs(251)));
}

TEST_F(EncryptedGalleryTest, LeavesWhatWasDamagedBeforeDamaged) {
  ASSERT_THAT(Open(Protection::Plaintext())->Enrol(EnrolmentOfAda(), kMany), IsOk());
  SQLite::Database(path_, SQLite::OPEN_READWRITE).exec("UPDATE embedding SET embedding = X'0000803F000080BF'");
  const auto store = Open(ProtectionBy(1));
  EXPECT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT));
  ASSERT_THAT(EncryptEverybody(*store), IsOk());
  EXPECT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT));
}

// An earlier version said that a gallery was encrypted before it began, and never went on after an interruption.
TEST_F(EncryptedGalleryTest, HealsWhatAnEarlierVersionLeftHalfEncrypted) {
  ASSERT_THAT(Open(Protection::Plaintext())->Enrol(EnrolmentOfAda(), kMany), IsOk());
  SQLite::Database(path_, SQLite::OPEN_READWRITE).exec("UPDATE gallery SET encrypted = 1");
  EXPECT_THAT(OpenSqliteStore(path_), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("encrypted")));
  {
    const auto store = Open(ProtectionBy(1));
    EXPECT_TRUE(store->found_unfinished().encryption);
    EXPECT_EQ(store->ReadPersonData("ada")->crops.front().crop.picture, kSecret);
    ASSERT_THAT(EncryptEverybody(*store), IsOk());
  }
  EXPECT_THAT(OnDisk(path_), Not(HasSubstr(kSecret)));
  const auto store = Open(ProtectionBy(1));
  EXPECT_FALSE(store->found_unfinished().encryption);
  EXPECT_EQ(store->ReadPersonData("ada")->crops.front().crop.picture, kSecret);
}

TEST_F(EncryptedGalleryTest, IsHealedByTheServerBesideItsCalls) {
  {
    const auto store = Open(Protection::Plaintext());
    ASSERT_THAT(store->Enrol(EnrolmentOfAda(), kMany), IsOk());
    for (int i = 0; i < 250; ++i) {
      const std::string name = "p" + std::to_string(i);
      ASSERT_THAT(store->Enrol(EnrolmentOf(name, {ReferenceNamed("of " + name)}), kMany), IsOk());
    }
  }
  Metrics metrics;
  const auto gallery = *Gallery::Open(Open(ProtectionBy(1)), {}, metrics);
  const auto scraped = [&] { return prometheus::TextSerializer().Serialize(metrics.registry()->Collect()); };
  const absl::Time start = absl::Now();
  while (scraped().find("likeness_gallery_persons_to_encrypt 0") == std::string::npos) {
    ASSERT_THAT(gallery->FindReferences("ada"), IsOk());
    ASSERT_LT(absl::Now() - start, absl::Minutes(1));
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(OnDisk(path_), Not(HasSubstr(kSecret)));
}

TEST_F(EncryptedGalleryTest, EncryptsAPersonBeforeAnythingIsAdded) {
  ASSERT_THAT(Open(Protection::Plaintext())->Enrol(EnrolmentOfAda(), kMany), IsOk());
  const auto store = Open(ProtectionBy(1));
  Enrolment more = EnrolmentOf("ada", {ReferenceNamed("r2", 99.5F)});
  more.crops = {{"arcface112", "a crop that was never in the open"}};
  ASSERT_THAT(store->Enrol(more, kMany), IsOk());
  EXPECT_THAT(store->PersonsToEncrypt(), IsOkAndHolds(0));
  EXPECT_THAT(store->ReadPersonData("ada")->crops, SizeIs(2));
  EXPECT_THAT(OnDisk(path_), Not(HasSubstr("never in the open")));
}

TEST_F(EncryptedGalleryTest, DoesNotTrustARowThatSomebodyPutThereInTheOpen) {
  ASSERT_THAT(Open(ProtectionBy(1))->Enrol(EnrolmentOfAda(), kMany), IsOk());
  const StoredContent forged = PersonCipher("ada", std::nullopt).Store("r1", std::string(32, '\1'), EmbeddingBytes());
  {
    SQLite::Database database(path_, SQLite::OPEN_READWRITE);
    SQLite::Statement update(database, "UPDATE embedding SET embedding = ?, checksum = ?");
    update.bind(1, static_cast<const void*>(forged.bytes.data()), static_cast<int>(forged.bytes.size()));
    update.bind(2, static_cast<const void*>(forged.proof.data()), static_cast<int>(forged.proof.size()));
    update.exec();
  }
  EXPECT_THAT(Open(ProtectionBy(1))->References("ada"), FailsWith(Reason::STORE_CORRUPT));
  SQLite::Database(path_, SQLite::OPEN_READWRITE).exec("UPDATE person SET data_key = NULL");
  EXPECT_THAT(Open(ProtectionBy(1))->References("ada"), FailsWith(Reason::STORE_CORRUPT));
}

// Whoever takes the gallery back to "being encrypted" has to get a server restarted for it.
TEST_F(EncryptedGalleryTest, StaysEncryptedForAServerThatHasSeenItSo) {
  const auto store = Open(ProtectionBy(1));
  ASSERT_THAT(store->Enrol(EnrolmentOfAda(), kMany), IsOk());
  SQLite::Database(path_, SQLite::OPEN_READWRITE)
      .exec("UPDATE person SET data_key = NULL; UPDATE gallery SET encrypted = 1");
  EXPECT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(store->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany), FailsWith(Reason::STORE_CORRUPT));
  ASSERT_THAT(EncryptEverybody(*store), IsOk());
  EXPECT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT)) << "not made respectable either";
}

TEST_F(EncryptedGalleryTest, TakesNobodyInPlaintextWhenTheMarkOfItsKeyIsTakenAway) {
  ASSERT_THAT(Open(ProtectionBy(1))->Enrol(EnrolmentOfAda(), kMany), IsOk());
  SQLite::Database(path_, SQLite::OPEN_READWRITE)
      .exec("UPDATE person SET data_key = NULL; UPDATE gallery SET key_mark = NULL");
  const auto store = Open(ProtectionBy(1));
  ASSERT_THAT(EncryptEverybody(*store), IsOk());
  EXPECT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT));
}

TEST_F(EncryptedGalleryTest, IsNotOpenedWithAMarkThatNobodyMadeWhoHadTheKey) {
  ASSERT_THAT(Open(ProtectionBy(1))->Enrol(EnrolmentOfAda(), kMany), IsOk());
  SQLite::Database(path_, SQLite::OPEN_READWRITE)
      .exec("UPDATE gallery SET key_mark = CAST(substr(key_mark, 1, 60) || X'00000000' AS BLOB)");
  EXPECT_THAT(OpenSqliteStore(path_, ProtectionBy(1)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("damaged")));
}

// Nobody was enrolled under it, so only the gallery itself can tell.
TEST_F(EncryptedGalleryTest, IsNotOpenedWithAnotherMasterKeyWhileItIsEmpty) {
  Open(ProtectionBy(1));
  EXPECT_THAT(OpenSqliteStore(path_, ProtectionBy(2)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("master key")));
}

TEST_F(EncryptedGalleryTest, APersonWhoseKeyIsDamagedKeepsNobodyElsesEmbeddingFromAnotherModel) {
  {
    const auto store = Open(ProtectionBy(1));
    ASSERT_THAT(store->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
    ASSERT_THAT(store->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2", 8)}), kMany), IsOk());
  }
  SQLite::Database(path_, SQLite::OPEN_READWRITE)
      .exec("UPDATE person SET data_key = CAST(substr(data_key, 1, 12) AS BLOB) WHERE person_id = 'ada'");
  const auto store = Open(ProtectionBy(1));
  ASSERT_THAT(store->References("ada"), FailsWith(Reason::STORE_CORRUPT));
  const auto page = store->Unembedded(ModelNamed(2), {"arcface112", ModelNamed(1)}, 0, 10);
  ASSERT_THAT(page, IsOk());
  ASSERT_THAT(IdsOf(*page), ElementsAre("r1", "r2"));
  EXPECT_THAT(page->front().values, IsEmpty());
  EXPECT_EQ(page->back().values, (std::vector<float>{8, -8}));
}

TEST_F(EncryptedGalleryTest, CanBeReadByTheNewMasterKeyAloneOnceItsKeysAreRotated) {
  {
    const auto store = Open(ProtectionBy(1));
    for (const char* name : {"ada", "bob", "eve"}) {
      ASSERT_THAT(store->Enrol(EnrolmentOf(name, {ReferenceNamed(std::string("of ") + name)}), kMany), IsOk());
    }
  }
  {
    const auto store = Open(ProtectionBy({2, 1}));
    ASSERT_THAT(store->DeletePerson("eve"), IsOk());
    const auto first = store->RotateKeys("", 1);
    ASSERT_THAT(first, IsOk());
    EXPECT_EQ(first->last, "ada");
    EXPECT_EQ(first->changed, 1);
    EXPECT_EQ(store->RotateKeys(first->last, 10)->changed, 1);
    EXPECT_EQ(store->RotateKeys("", 10)->changed, 0) << "a second time changes nothing";
    EXPECT_THAT(store->RotateKeys("bob", 10)->last, IsEmpty());
  }
  EXPECT_THAT(Open(ProtectionBy(2))->References("ada"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(OpenSqliteStore(path_, ProtectionBy(1)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("master key")));
}

TEST_F(EncryptedGalleryTest, EnrolsNobodyUnderTheOldMasterKeyOnceARotationHasBegun) {
  ASSERT_THAT(Open(ProtectionBy(1))->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  ASSERT_THAT(Open(ProtectionBy({2, 1}))->RotateKeys("", 0), IsOk());
  {
    const auto behind = Open(ProtectionBy({1, 2}));
    EXPECT_FALSE(behind->found_unfinished().rotation) << "the operator's to decide: another key wraps here";
    ASSERT_THAT(behind->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  }
  {
    const auto store = Open(ProtectionBy({2, 1}));
    EXPECT_TRUE(store->found_unfinished().rotation);
    EXPECT_EQ(store->RotateKeys("", 10)->changed, 1) << "ada alone";
  }
  const auto store = Open(ProtectionBy(2));
  EXPECT_FALSE(store->found_unfinished().rotation);
  EXPECT_THAT(store->References("bob"), IsOk());
}

TEST_F(EncryptedGalleryTest, RotatesEverybodyElsesKeyBesideADamagedOne) {
  {
    const auto store = Open(ProtectionBy(1));
    ASSERT_THAT(store->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
    ASSERT_THAT(store->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  }
  SQLite::Database(path_, SQLite::OPEN_READWRITE)
      .exec("UPDATE person SET data_key = CAST(substr(data_key, 1, 12) AS BLOB) WHERE person_id = 'ada'");
  const auto page = Open(ProtectionBy({2, 1}))->RotateKeys("", 10);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->changed, 1);
  EXPECT_EQ(page->damaged, 1);
}

TEST_F(EncryptedGalleryTest, DestroysTheKeyOfADeletedPerson) {
  const auto store = Open(ProtectionBy(1));
  ASSERT_THAT(store->Enrol(EnrolmentOfAda(), kMany), IsOk());
  std::string key;
  {
    SQLite::Database database(path_, SQLite::OPEN_READONLY);
    const SQLite::Column column = database.execAndGet("SELECT data_key FROM person");
    key.assign(static_cast<const char*>(column.getBlob()), static_cast<size_t>(column.getBytes()));
  }
  EXPECT_THAT(OnDisk(path_), HasSubstr(key));
  ASSERT_THAT(store->DeletePerson("ada"), IsOk());
  EXPECT_THAT(OnDisk(path_), Not(HasSubstr(key)));
}

}  // namespace
}  // namespace likeness
