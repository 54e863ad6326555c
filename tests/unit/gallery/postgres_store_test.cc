// A gallery that several servers share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/change_follower.h"
#include "server/gallery/gallery.h"
#include "tests/support/files.h"
#include "tests/unit/gallery/coordination_conformance.h"
#include "tests/unit/gallery/postgres_galleries.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = GalleryChange::Kind;

std::unique_ptr<Store> MakePostgresStore() {
  if (SharedPostgres() == nullptr) return nullptr;
  auto store = OpenPostgresStore(SharedPostgres()->NewGallery());
  EXPECT_THAT(store, IsOk());
  return store.ok() ? *std::move(store) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Postgres, CoordinationTest, testing::Values(&MakePostgresStore));
INSTANTIATE_TEST_SUITE_P(Postgres, StoreConformanceTest, testing::Values(&MakePostgresStore));

class PostgresStoreTest : public PostgresTest {
 protected:
  std::unique_ptr<Gallery> OpenGallery(absl::Duration max_staleness = absl::Seconds(30)) {
    GalleryOptions options;
    options.max_staleness = max_staleness;
    return *Gallery::Open(*OpenPostgresStore(url_), options, metrics_);
  }

  Metrics metrics_;
};

TEST_F(PostgresStoreTest, LetsTenServersStartAtOnceOnAnEmptyDatabase) {
  constexpr int kServers = 10;
  std::vector<absl::Status> outcomes(kServers);
  std::vector<std::thread> threads;
  for (int i = 0; i < kServers; ++i) {
    threads.emplace_back([&, i] { outcomes[static_cast<size_t>(i)] = OpenPostgresStore(url_).status(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& outcome : outcomes) EXPECT_THAT(outcome, IsOk());
}

TEST_F(PostgresStoreTest, RefusesTablesOfANewerVersion) {
  ASSERT_THAT(OpenPostgresStore(url_), IsOk());
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE likeness_schema SET version = 1000");
  EXPECT_THAT(OpenPostgresStore(url_), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("newer likeness")));
}

TEST_F(PostgresStoreTest, RefusesADatabaseThatIsNotThere) {
  EXPECT_THAT(OpenPostgresStore("postgres://nobody@/postgres?host=/nowhere"),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("database")));
}

// PostgreSQL says in an error's detail which key was there already.
TEST_F(PostgresStoreTest, TellsNoIdsInItsErrors) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("secret-id")}), kMany), IsOk());
  const auto again = (*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("secret-id")}), kMany);
  EXPECT_THAT(again, FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(std::string(again.status().message()), Not(HasSubstr("secret-id")));
}

// What is in the database's files: tables, and the log of writes.
std::string AllFiles(const std::string& folder) {
  std::string content;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.is_regular_file()) content += ReadFile(file.path());
  }
  return content;
}

TEST_F(PostgresStoreTest, KeepsNoFaceInItsFilesAndNoKeyOfADeletedPersonOnceItIsVacuumed) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  const std::string crop = "a crop that nobody may find";
  Enrolment enrolment = EnrolmentOf("ada-lovelace", {ReferenceNamed("r1", 1234.5F)});
  enrolment.crops = {{"kind", crop}};
  ASSERT_THAT((*store)->Enrol(enrolment, kMany), IsOk());
  PostgresConnection connection(url_, absl::Seconds(60));
  const std::string key = std::get<Blob>(connection.Run("SELECT data_key FROM person")[0][0]).bytes;
  connection.Execute("CHECKPOINT");
  const float values[] = {1234.5F, -1234.5F};
  const std::string embedding(reinterpret_cast<const char*>(values), sizeof(values));
  const std::string data = SharedPostgres()->data_folder();
  EXPECT_THAT(AllFiles(data + "/base"), testing::AllOf(HasSubstr("ada-lovelace"), HasSubstr(key)));
  const std::string everywhere = AllFiles(data);
  EXPECT_EQ(everywhere.find(crop), std::string::npos) << "also before the deletion";
  EXPECT_EQ(everywhere.find(embedding), std::string::npos);
  ASSERT_THAT((*store)->DeletePerson("ada-lovelace"), IsOk());
  // What sessions that other tests have left asleep may look at, in the same database, would stay.
  const auto end_others = [&connection] {
    return std::get<int64_t>(
        connection.Run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
                       "pg_backend_pid() AND backend_xmin IS NOT NULL")[0][0]);
  };
  for (const absl::Time limit = absl::Now() + absl::Seconds(60); end_others() > 0 && absl::Now() < limit;) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  connection.Execute("VACUUM FULL");
  connection.Execute("CHECKPOINT");
  const std::string tables = AllFiles(data + "/base");
  EXPECT_EQ(tables.find(key), std::string::npos);
  EXPECT_EQ(tables.find("ada-lovelace"), std::string::npos);
}

GalleryPosition PositionOf(Store& store) { return store.ChangesAfter({})->position; }

TEST_F(PostgresStoreTest, GivesEveryMutationTheNextRevision) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany)->revision, 1);
  const GalleryPosition seen = PositionOf(**store);
  EXPECT_EQ((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany)->revision, 2);
  EXPECT_EQ((*store)->DeleteReference("ada", "r1")->revision, 3);
  EXPECT_EQ((*store)->DeletePerson("ada")->revision, 4);
  EXPECT_THAT((*store)->AllowModel(ModelNamed(3)), IsOkAndHolds(5));
  EXPECT_THAT((*store)->AllowModel(ModelNamed(2)), IsOkAndHolds(6));
  EXPECT_THAT((*store)->coordination().RetireModel(ModelNamed(2), ModelNamed(1)), IsOkAndHolds(7));
  EXPECT_EQ((*store)->DeleteEmbeddings(ModelNamed(2))->revision, 8);
  const auto changes = (*store)->ChangesAfter(seen);
  ASSERT_THAT(changes, IsOk());
  EXPECT_TRUE(changes->complete);
  EXPECT_EQ(changes->position.revision, 8);
  const PersonKey ada = PersonKeyOf("ada");
  EXPECT_THAT(changes->changes,
              ElementsAre(GalleryChange{Kind::kEnrolled, ada, ""}, GalleryChange{Kind::kReferenceDeleted, ada, "r1", 1},
                          GalleryChange{Kind::kPersonDeleted, ada, "", 2}, GalleryChange{Kind::kAllowList, {}, ""},
                          GalleryChange{Kind::kAllowList, {}, ""}, GalleryChange{Kind::kAllowList, {}, ""},
                          GalleryChange{Kind::kUnembedded, {}, ModelNamed(2).Hex()}));
  EXPECT_THAT((*store)->ChangesAfter(changes->position)->changes, IsEmpty());
}

TEST_F(PostgresStoreTest, SaysWhenItsLogDoesNotReachBack) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  std::vector<GalleryPosition> seen = {PositionOf(**store)};
  for (const char* id : {"r1", "r2", "r3"}) {
    ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed(id)}), kMany), IsOk());
    seen.push_back(PositionOf(**store));
  }
  EXPECT_TRUE((*store)->ChangesAfter(seen[0])->complete);
  ASSERT_THAT((*store)->ForgetChanges(absl::ZeroDuration()), IsOk());
  EXPECT_FALSE((*store)->ChangesAfter(seen[1])->complete);
  EXPECT_FALSE((*store)->ChangesAfter(seen[1])->restored) << "it is only late";
  EXPECT_TRUE((*store)->ChangesAfter(seen[3])->complete) << "who has seen all misses nothing";
}

// The first one that notices gives the restored gallery a history of its own, and they agree on it.
TEST_F(PostgresStoreTest, GivesAGalleryANewHistoryWhereTheLineOfRevisionsBreaks) {
  const auto store = OpenPostgresStore(url_), other = OpenPostgresStore(url_);
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const GalleryPosition before = PositionOf(**store);
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE gallery SET revision = revision - 1, tag = previous_tag");
  const auto here = (*store)->ChangesAfter(before);
  ASSERT_THAT(here, IsOk());
  EXPECT_TRUE(here->restored);
  EXPECT_FALSE(here->complete);
  EXPECT_NE(here->position.history, before.history);
  const auto there = (*other)->ChangesAfter(before);
  ASSERT_THAT(there, IsOk());
  EXPECT_TRUE(there->restored);
  EXPECT_EQ(there->position, here->position);
  EXPECT_TRUE((*other)->ChangesAfter(there->position)->complete);
}

// A server of an older version, which others are to outlive, leaves no tags.
TEST_F(PostgresStoreTest, TakesNothingFromALogThatAServerOfAnOlderVersionWrote) {
  const auto store = OpenPostgresStore(url_);
  const GalleryPosition seen = PositionOf(**store);
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE change SET follows = ''");
  const auto changes = (*store)->ChangesAfter(seen);
  ASSERT_THAT(changes, IsOk());
  EXPECT_FALSE(changes->complete);
  EXPECT_FALSE(changes->restored);
  EXPECT_EQ(changes->position.history, seen.history);
}

TEST_F(PostgresStoreTest, ShowsAServerWhatAnotherChanged) {
  const auto here = OpenGallery(), there = OpenGallery();
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  ASSERT_THAT(there->FindReferences("ada"), IsOk()) << "now in memory there";
  const auto added = here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}));
  ASSERT_THAT(added, IsOk());
  EXPECT_THAT(**there->FindReferences("ada"), SizeIs(1));
  ASSERT_THAT(there->AwaitRevision(added->revision), IsOk());
  EXPECT_THAT(**there->FindReferences("ada"), SizeIs(2));
  const auto deleted = here->DeletePerson("ada");
  ASSERT_THAT(deleted, IsOk());
  ASSERT_THAT(there->AwaitRevision(deleted->revision), IsOk());
  EXPECT_THAT(there->FindReferences("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(there->AwaitRevision(deleted->revision + 1), FailsWith(Reason::REVISION_UNKNOWN));
  EXPECT_EQ(there->size().persons, 0);
}

TEST_F(PostgresStoreTest, FindsNoDuplicateAmongThoseWhomAnotherServerDeleted) {
  const auto here = OpenGallery(), there = OpenGallery();
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1), ReferenceNamed("r2", 2)})), IsOk());
  const Embedding probe = ReferenceNamed("", 1).embedding;
  const auto first = there->FindNearestOther(probe, "bob");
  ASSERT_THAT(first, IsOk());
  ASSERT_TRUE(first->has_value());
  ASSERT_THAT(here->DeleteReference("ada", "r1"), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_GT((*there->FindNearestOther(probe, "bob"))->distance, 1);
  ASSERT_THAT(here->DeletePerson("ada"), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_FALSE(there->FindNearestOther(probe, "bob")->has_value());
}

// The index there had read the new rows before it heard of the deletion, which took them out again for good.
TEST_F(PostgresStoreTest, FindsADuplicateOfAPersonWhomAnotherServerDeletedAndEnrolledAgain) {
  const auto here = OpenGallery(), there = OpenGallery();
  const Embedding probe = ReferenceNamed("", 1).embedding;
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  ASSERT_THAT(here->DeletePerson("ada"), IsOk());
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2", 1)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value()) << "reads the new reference";
  ASSERT_THAT(there->Sync(), IsOk()) << "hears of the deletion";
  EXPECT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  ASSERT_THAT(here->DeletePerson("ada"), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_FALSE(there->FindNearestOther(probe, "bob")->has_value()) << "but nothing of the deleted one stays";
}

TEST_F(PostgresStoreTest, FindsADuplicateOfAReferenceThatAnotherServerDeletedAndEnrolledAgain) {
  const auto here = OpenGallery(), there = OpenGallery();
  const Embedding probe = ReferenceNamed("", 1).embedding;
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1), ReferenceNamed("far", 9)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  ASSERT_THAT(here->DeleteReference("ada", "r1"), IsOk());
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_EQ((*there->FindNearestOther(probe, "bob"))->distance, 0);
}

// As while one server after the other is brought up to date.
TEST_F(PostgresStoreTest, FindsADuplicateOfAPersonWhomAServerOfAnEarlierVersionDeletedAndEnrolledAgain) {
  const auto here = OpenGallery(), there = OpenGallery();
  const Embedding probe = ReferenceNamed("", 1).embedding;
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1), ReferenceNamed("r2", 2)})), IsOk());
  ASSERT_THAT(here->Enrol(EnrolmentOf("carol", {ReferenceNamed("r3", 9)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  ASSERT_THAT(here->DeletePerson("ada"), IsOk());
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r4", 1)})), IsOk());
  ASSERT_TRUE(there->FindNearestOther(probe, "bob")->has_value());
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE change SET reference = -1");
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_EQ((*there->FindNearestOther(probe, "bob"))->distance, 0);
  const std::string scraped = prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
  EXPECT_THAT(scraped, HasSubstr("likeness_indexed_references 2\n")) << "neither lost nor doubled nor left over";
}

// A reference that was there before gets an embedding by the model while another server enrols by it.
TEST_F(PostgresStoreTest, ReviewsInTheEndWhatAnotherServerEmbeddedMeanwhile) {
  const auto here = OpenGallery(), there = OpenGallery();
  Enrolment ada = EnrolmentOf("ada", {ReferenceNamed("r1")});
  ada.crops = {{"kind", "crop"}};
  ASSERT_THAT(here->Enrol(ada), IsOk());
  ASSERT_THAT(here->Enrol(EnrolmentOf("bob", {{"r2", {ModelNamed(2), {1, 2}}}})), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  const Embedding probe{ModelNamed(2), {5, 5}};
  const auto seen = there->FindNearestOthers({&probe, 1}, "eve", nullptr, [] { return absl::OkStatus(); });
  ASSERT_THAT(seen, IsOk());
  EXPECT_EQ(seen->number, 2);
  std::vector<std::string> reviewed;
  const EnrolmentReview review{.model = ModelNamed(2),
                               .seen_number = seen->number,
                               .seen_revision = seen->revision,
                               .own = nullptr,
                               .since = [&](const std::vector<NumberedEmbedding>& since) {
                                 for (const NumberedEmbedding& reference : since) {
                                   reviewed.push_back(reference.person_id);
                                 }
                                 return absl::OkStatus();
                               }};
  ASSERT_THAT(there->Enrol(EnrolmentOf("eve", {{"r3", probe}}), {}, &review), IsOk());
  EXPECT_THAT(reviewed, IsEmpty()) << "nobody has come since";
  const auto unembedded = here->Unembedded(ModelNamed(2), {"kind"}, 0, 10);
  ASSERT_THAT(unembedded, IsOk());
  ASSERT_THAT(here->AddEmbeddings(*unembedded, {{ModelNamed(2), {5, 5}}}), IsOk());
  ASSERT_THAT(there->Enrol(EnrolmentOf("mal", {{"r4", probe}}), {}, &review), IsOk());
  EXPECT_THAT(reviewed, ElementsAre("ada", "bob", "eve"));
}

TEST_F(PostgresStoreTest, WritesNothingThatItsReviewRefuses) {
  const auto gallery = OpenGallery();
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1)), IsOk());
  EnrolmentReview review{.model = ModelNamed(1)};
  review.own = [](const auto&) { return MakeError(Reason::REFERENCE_MISMATCH, "it is somebody else"); };
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), {}, &review),
              FailsWith(Reason::REFERENCE_MISMATCH));
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1), {}, &review), IsOk())
      << "a repeated request is answered as before";
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3")}), {}, &review), IsOk()) << "has none of his own";
  review.own = nullptr;
  review.since = [](const auto&) { return MakeError(Reason::DUPLICATE_OF, "it is ada"); };
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("eve", {ReferenceNamed("r4")}), {}, &review), FailsWith(Reason::DUPLICATE_OF));
  EXPECT_THAT(gallery->GetPerson("eve"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_EQ(gallery->GetPerson("ada")->references.size(), 1);
}

// So many embeddings by the model were read once more at each change of who may be activated.
TEST_F(PostgresStoreTest, KeepsIndexAndCacheWhenModelsAreAllowedOrForbidden) {
  const auto here = OpenGallery(), there = OpenGallery();
  ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1)})), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  ASSERT_TRUE(there->FindNearestOther(ReferenceNamed("", 1).embedding, "bob")->has_value());
  ASSERT_THAT(there->FindReferences("ada"), IsOk());
  const int64_t before = there->model_changes();
  ASSERT_THAT(here->AllowModel(ModelNamed(2)), IsOk());
  ASSERT_THAT(here->coordination().RetireModel(ModelNamed(2), ModelNamed(1)), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  const std::string scraped = prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
  EXPECT_THAT(scraped, HasSubstr("likeness_indexed_references 1"));
  EXPECT_THAT(scraped, HasSubstr("likeness_cached_references 1"));
  EXPECT_GT(there->model_changes(), before) << "whoever waits for a model to be allowed hears of it";
}

// What pg_dump and pg_restore do to the rows.
class Backup {
 public:
  explicit Backup(const std::string& url) : connection_(url, absl::Seconds(10)) {
    for (const char* table : kTables) {
      connection_.Execute(absl::StrCat("CREATE TABLE backup_of_", table, " AS TABLE ", table));
    }
  }

  void Restore() {
    std::string sql = "BEGIN; TRUNCATE gallery, person, face_reference, embedding, change CASCADE; ";
    for (const char* table : kTables) {
      absl::StrAppend(&sql, "INSERT INTO ", table, " OVERRIDING SYSTEM VALUE TABLE backup_of_", table, "; ");
    }
    connection_.Execute(sql + "COMMIT");
  }

 private:
  static constexpr const char* kTables[] = {"gallery", "person", "face_reference", "embedding", "change"};
  PostgresConnection connection_;
};

class RestoredDatabaseTest : public PostgresStoreTest {
 protected:
  void SetUp() override {
    PostgresStoreTest::SetUp();
    if (IsSkipped()) return;
    server_ = OpenGallery();
    ASSERT_THAT(server_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1", 1)})), IsOk());
    Backup backup(url_);
    ASSERT_THAT(server_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2", 2)})), IsOk());
    ASSERT_THAT(server_->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3", 3)})), IsOk());
    ASSERT_THAT(server_->Sync(), IsOk());
    ASSERT_THAT(server_->FindReferences("ada"), IsOkAndHolds(testing::Pointee(SizeIs(2)))) << "now in memory";
    ASSERT_THAT(server_->FindReferences("bob"), IsOk());
    ASSERT_TRUE(FindsDuplicateOf("bob"));
    backup.Restore();
  }

  bool FindsDuplicateOf(const std::string& person_id) {
    const auto nearest = server_->FindNearestOther(ReferenceNamed("", 3).embedding, "nobody");
    EXPECT_THAT(nearest, IsOk());
    return nearest.ok() && nearest->has_value() && (*nearest)->person_id == person_id;
  }

  // Of the state before the restore nothing is answered any more.
  void ExpectForgotten() {
    ASSERT_THAT(server_->Sync(), IsOk());
    EXPECT_THAT(server_->FindReferences("bob"), FailsWith(Reason::PERSON_NOT_FOUND));
    EXPECT_THAT(server_->FindReferences("ada"), IsOkAndHolds(testing::Pointee(SizeIs(1))));
    EXPECT_FALSE(FindsDuplicateOf("bob"));
    // And what comes afterwards is followed again.
    const auto added = OpenGallery()->Enrol(EnrolmentOf("ada", {ReferenceNamed("r9", 9)}));
    ASSERT_THAT(added, IsOk());
    ASSERT_THAT(server_->AwaitRevision(added->revision), IsOk());
    EXPECT_THAT(server_->FindReferences("ada"), IsOkAndHolds(testing::Pointee(SizeIs(2))));
  }

  std::unique_ptr<Gallery> server_;
};

TEST_F(RestoredDatabaseTest, IsKnownByARevisionThatHasGoneBack) { ExpectForgotten(); }

TEST_F(RestoredDatabaseTest, IsKnownWhereItHasComeToTheSameRevisionMeanwhile) {
  const auto other = OpenGallery();
  for (const char* id : {"carol", "dave"}) {
    ASSERT_THAT(other->Enrol(EnrolmentOf(id, {ReferenceNamed(id, -5)})), IsOk());
  }
  ExpectForgotten();
}

TEST_F(RestoredDatabaseTest, IsKnownWhereItHasGrownPastWhatTheServerHadSeen) {
  const auto other = OpenGallery();
  for (const char* id : {"carol", "dave", "eve", "fay"}) {
    ASSERT_THAT(other->Enrol(EnrolmentOf(id, {ReferenceNamed(id, -5)})), IsOk());
  }
  ExpectForgotten();
}

TEST_F(PostgresStoreTest, TellsTheFollowerOfAChangeWithinASecond) {
  const auto here = OpenGallery(), there = OpenGallery();
  const ChangeFollower follower(*there, {[] { return absl::OkStatus(); }, [](bool) {}});
  for (int round = 0; round < 5; ++round) {
    ASSERT_THAT(here->Enrol(EnrolmentOf("ada", {ReferenceNamed(absl::StrCat("r", round))})), IsOk());
    ASSERT_THAT(there->FindReferences("ada"), IsOk());
    ASSERT_THAT(here->DeletePerson("ada"), IsOk());
    const absl::Time deleted = absl::Now();
    while (there->FindReferences("ada").ok() && absl::Now() - deleted < absl::Seconds(10)) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_LT(absl::Now() - deleted, absl::Seconds(1));
  }
}

// By the database's clock: nobody waits, the row is made older.
TEST_F(PostgresStoreTest, AnOperationWhoseOwnerIsGoneMayBeTakenOverOnceItsLeaseHasExpired) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  Coordination& servers = (*store)->coordination();
  ASSERT_THAT((*store)->AllowModel(ModelNamed(2)), IsOk());
  const auto begun = servers.BeginActivation({.model = ModelNamed(2), .base = ModelNamed(1)}, kHere);
  ASSERT_THAT(begun, IsOk());
  const std::string name = begun->operation->name;
  EXPECT_TRUE(IsOperationLost(servers.TakeOperation(name, kThere).status()));
  EXPECT_FALSE(servers.Report({.id = "there", .name = "b"})->orphaned);
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE operation SET lease_until = lease_until - 11000000");
  EXPECT_TRUE(servers.Report({.id = "there", .name = "b"})->orphaned);
  EXPECT_THAT(servers.TakeOperation(name, kThere), IsOk());
  EXPECT_TRUE(IsOperationLost(servers.RenewOperation(name, kHere, {}).status()));
}

TEST_F(PostgresStoreTest, AServerThatHasNotReportedForAWhileIsNotThereAnyMore) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  Coordination& servers = (*store)->coordination();
  ASSERT_THAT(servers.Report({.id = "there", .name = "b", .answers = ModelNamed(3)}), IsOk());
  EXPECT_TRUE(IsModelsChanged((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany).status()));
  PostgresConnection(url_, absl::Seconds(5)).Execute("UPDATE server SET seen = seen - 21000000");
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  EXPECT_THAT(servers.Report({.id = "here", .name = "a"})->servers, testing::SizeIs(1));
}

// A call that waited for a revision used to take the news of a change of models from the follower, for good.
TEST_F(PostgresStoreTest, TellsTheFollowerOfAChangeOfModelsThatACallHasSeenFirst) {
  const auto here = OpenGallery(), there = OpenGallery();
  const absl::StatusOr<int64_t> chosen = here->AllowModel(ModelNamed(2));
  ASSERT_THAT(chosen, IsOk());
  ASSERT_THAT(there->AwaitRevision(*chosen), IsOk());
  EXPECT_EQ(there->model_changes(), 1);
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_EQ(there->model_changes(), 1);
}

// One that runs when another begins to encrypt.
TEST_F(PostgresStoreTest, LetsAServerWithoutTheMasterKeyWriteNoMore) {
  const auto without = OpenPostgresStore(url_, Protection::Plaintext());
  ASSERT_THAT(without, IsOk());
  Store& plain = **without;
  ASSERT_THAT(plain.Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const auto with = OpenPostgresStore(url_, ProtectionBy(1));
  ASSERT_THAT(with, IsOk());
  const absl::Status refused = plain.Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany).status();
  EXPECT_THAT(refused, FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RetryAfterOf(refused), std::nullopt);
  EXPECT_THAT(plain.DeletePerson("ada"), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.DeleteReference("ada", "r1"), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.AddEmbeddings({}, {}), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.DeleteEmbeddings(ModelNamed(1)), FailsWith(Reason::MASTER_KEY_MISSING));
  Coordination& coordination = plain.coordination();
  const OperationOwner owner{"server", "host"};
  EXPECT_THAT(coordination.BeginActivation({.model = ModelNamed(1), .base = ModelNamed(2)}, owner),
              FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(coordination.BeginKeyRotation(owner), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(coordination.RetireModel(ModelNamed(1), ModelNamed(2)), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.AllowModel(ModelNamed(1)), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.ForgetChanges(absl::Hours(1)), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.RotateKeys("", 10), FailsWith(Reason::MASTER_KEY_MISSING));
  EXPECT_THAT(plain.ChangesAfter({}), FailsWith(Reason::MASTER_KEY_MISSING)) << "so that its health says so";
  EXPECT_THAT(OpenPostgresStore(url_, Protection::Plaintext()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("encrypted")));
  EXPECT_EQ((*with)->References("ada")->size(), 1u);
}

TEST_F(PostgresStoreTest, IsEncryptedByOneMasterKeyThoughServersStartAtOnceWithTwo) {
  ASSERT_THAT(
      (*OpenPostgresStore(url_, Protection::Plaintext()))->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany),
      IsOk());
  std::vector<absl::Status> outcomes(6);
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      outcomes[static_cast<size_t>(i)] = OpenPostgresStore(url_, ProtectionBy(1 + i % 2), absl::Seconds(30)).status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 2; i < 6; ++i) EXPECT_EQ(outcomes[i].ok(), outcomes[i % 2].ok());
  EXPECT_NE(outcomes[0].ok(), outcomes[1].ok());
}

TEST_F(PostgresStoreTest, IsEncryptedByTwoServersAtOnceWhileAThirdEnrols) {
  {
    const auto plain = OpenPostgresStore(url_, Protection::Plaintext(), absl::Seconds(30));
    ASSERT_THAT(plain, IsOk());
    for (int i = 0; i < 200; ++i) {
      ASSERT_THAT((*plain)->Enrol(EnrolmentOf(absl::StrCat("p", i), {ReferenceNamed(absl::StrCat("r", i))}), kMany),
                  IsOk());
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const auto store = OpenPostgresStore(url_, ProtectionBy(1), absl::Seconds(30));
      ASSERT_THAT(store, IsOk());
      for (std::string after;;) {
        const auto page = (*store)->EncryptPersons(after, 7);
        ASSERT_THAT(page, IsOk());
        if (page->last.empty() && after.empty()) break;
        after = page->last;
      }
    });
  }
  const auto third = OpenPostgresStore(url_, ProtectionBy(1), absl::Seconds(30));
  EXPECT_THAT(third, IsOk());
  for (int i = 0; i < 200; i += 5) {
    const Enrolment more = EnrolmentOf(absl::StrCat("p", i), {ReferenceNamed(absl::StrCat("s", i))});
    EXPECT_THAT((*third)->Enrol(more, kMany), IsOk());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT((*third)->PersonsToEncrypt(), IsOkAndHolds(0));
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT((*third)->References(absl::StrCat("p", i)), IsOkAndHolds(SizeIs(i % 5 == 0 ? 2 : 1)));
  }
}

TEST_F(PostgresStoreTest, AnswersFromMemoryOnlyAsLongAsItMayWhileTheDatabaseIsFrozen) {
  const auto gallery = OpenGallery(/*max_staleness=*/absl::Seconds(3));
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  ASSERT_THAT(gallery->Sync(), IsOk());
  ASSERT_THAT(gallery->FindReferences("ada"), IsOk()) << "now in memory";
  SharedPostgres()->Freeze();
  EXPECT_THAT(gallery->FindReferences("ada"), IsOk());
  absl::Time start = absl::Now();
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")})), FailsWith(Reason::STORE_FAILED));
  EXPECT_LT(absl::Now() - start, absl::Seconds(2)) << "the timeout is one second";
  start = absl::Now();
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")})), FailsWith(Reason::STORE_FAILED));
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(100)) << "once it is known to be away, at once";
  EXPECT_THAT(gallery->FindReferences("ada"), IsOk());
  absl::SleepFor(absl::Seconds(3));
  EXPECT_THAT(gallery->FindReferences("ada"), FailsWith(Reason::STORE_FAILED));
  SharedPostgres()->Continue();
  const absl::Time back = absl::Now();
  while (!gallery->Sync().ok() && absl::Now() - back < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_THAT(gallery->FindReferences("ada"), IsOk());
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3")})), IsOk());
}

TEST_F(PostgresStoreTest, LosesNothingAnsweredWhenTheDatabaseIsKilledAndGoesOnWithIt) {
  const auto gallery = OpenGallery();
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  SharedPostgres()->Kill();
  EXPECT_THAT(gallery->GetPerson("ada"), FailsWith(Reason::STORE_FAILED));
  ASSERT_TRUE(SharedPostgres()->StartAgain());
  const absl::Time back = absl::Now();
  while (!gallery->Sync().ok() && absl::Now() - back < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_THAT(gallery->GetPerson("ada"), IsOk());
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")})), IsOk());
}

}  // namespace
}  // namespace likeness
