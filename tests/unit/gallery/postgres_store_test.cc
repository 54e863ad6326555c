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
#include "server/gallery/postgres_connection.h"
#include "server/gallery/postgres_database.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = GalleryChange::Kind;

constexpr EnrolmentLimits kMany = {.references = 1000};

// One for the program; null where there is no PostgreSQL.
PostgresServer* Server() {
  static const std::unique_ptr<PostgresServer> server = PostgresServer::Start();
  return server.get();
}

absl::StatusOr<std::unique_ptr<SqlStore>> OpenPostgresStore(
    const std::string& url, std::shared_ptr<const Protection> protection = ProtectionBy(1)) {
  PostgresOptions options;
  options.url = url;
  options.timeout = absl::Seconds(1);
  absl::StatusOr<std::unique_ptr<PostgresDatabase>> database = PostgresDatabase::Open(options);
  if (!database.ok()) return database.status();
  return SqlStore::Open(*std::move(database), std::move(protection));
}

std::unique_ptr<Store> MakePostgresStore() {
  if (Server() == nullptr) return nullptr;
  auto store = OpenPostgresStore(Server()->NewGallery());
  EXPECT_THAT(store, IsOk());
  return store.ok() ? *std::move(store) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Postgres, StoreConformanceTest, testing::Values(&MakePostgresStore));

class PostgresStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (Server() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    url_ = Server()->NewGallery();
  }

  std::unique_ptr<Gallery> OpenGallery(absl::Duration max_staleness = absl::Seconds(30)) {
    GalleryOptions options;
    options.max_staleness = max_staleness;
    return *Gallery::Open(*OpenPostgresStore(url_), options, metrics_);
  }

  std::string url_;
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
  const std::string data = Server()->data_folder();
  EXPECT_THAT(AllFiles(data + "/base"), testing::AllOf(HasSubstr("ada-lovelace"), HasSubstr(key)));
  const std::string everywhere = AllFiles(data);
  EXPECT_EQ(everywhere.find(crop), std::string::npos) << "also before the deletion";
  EXPECT_EQ(everywhere.find(embedding), std::string::npos);
  ASSERT_THAT((*store)->DeletePerson("ada-lovelace"), IsOk());
  connection.Execute("VACUUM FULL");
  connection.Execute("CHECKPOINT");
  const std::string tables = AllFiles(data + "/base");
  EXPECT_EQ(tables.find(key), std::string::npos);
  EXPECT_EQ(tables.find("ada-lovelace"), std::string::npos);
}

TEST_F(PostgresStoreTest, GivesEveryMutationTheNextRevision) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany)->revision, 1);
  EXPECT_EQ((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany)->revision, 2);
  EXPECT_EQ((*store)->DeleteReference("ada", "r1")->revision, 3);
  EXPECT_EQ((*store)->DeletePerson("ada")->revision, 4);
  EXPECT_THAT((*store)->SetModelChoice({}), IsOkAndHolds(5));
  EXPECT_THAT((*store)->AllowModel(ModelNamed(2)), IsOkAndHolds(6));
  EXPECT_THAT((*store)->ForbidModel(ModelNamed(2)), IsOkAndHolds(7));
  EXPECT_EQ((*store)->DeleteEmbeddings(ModelNamed(2))->revision, 8);
  const auto changes = (*store)->ChangesAfter(1);
  ASSERT_THAT(changes, IsOk());
  EXPECT_TRUE(changes->complete);
  EXPECT_EQ(changes->revision, 8);
  const PersonKey ada = PersonKeyOf("ada");
  EXPECT_THAT(changes->changes,
              ElementsAre(GalleryChange{Kind::kEnrolled, ada, ""}, GalleryChange{Kind::kReferenceDeleted, ada, "r1", 1},
                          GalleryChange{Kind::kPersonDeleted, ada, "", 2}, GalleryChange{},
                          GalleryChange{Kind::kAllowList, {}, ""}, GalleryChange{Kind::kAllowList, {}, ""},
                          GalleryChange{Kind::kUnembedded, {}, ModelNamed(2).Hex()}));
  EXPECT_THAT((*store)->ChangesAfter(8)->changes, IsEmpty());
}

TEST_F(PostgresStoreTest, SaysWhenItsLogDoesNotReachBack) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  for (const char* id : {"r1", "r2", "r3"}) {
    ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed(id)}), kMany), IsOk());
  }
  ASSERT_THAT((*store)->ForgetChanges(absl::ZeroDuration()), IsOk());
  EXPECT_FALSE((*store)->ChangesAfter(1)->complete);
  EXPECT_TRUE((*store)->ChangesAfter(3)->complete) << "who has seen all misses nothing";
  EXPECT_FALSE((*store)->ChangesAfter(7)->complete) << "as after a backup was restored";
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
  ASSERT_THAT(here->ForbidModel(ModelNamed(2)), IsOk());
  ASSERT_THAT(there->Sync(), IsOk());
  const std::string scraped = prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
  EXPECT_THAT(scraped, HasSubstr("likeness_indexed_references 1"));
  EXPECT_THAT(scraped, HasSubstr("likeness_cached_references 1"));
  EXPECT_GT(there->model_changes(), before) << "whoever waits for a model to be allowed hears of it";
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

// A call that waited for a revision used to take the news of a change of models from the follower, for good.
TEST_F(PostgresStoreTest, TellsTheFollowerOfAChangeOfModelsThatACallHasSeenFirst) {
  const auto here = OpenGallery(), there = OpenGallery();
  const absl::StatusOr<int64_t> chosen = here->SetModelChoice({ModelNamed(2), std::nullopt, false});
  ASSERT_THAT(chosen, IsOk());
  ASSERT_THAT(there->AwaitRevision(*chosen), IsOk());
  EXPECT_EQ(there->model_changes(), 1);
  ASSERT_THAT(there->Sync(), IsOk());
  EXPECT_EQ(there->model_changes(), 1);
}

TEST_F(PostgresStoreTest, AnswersFromMemoryOnlyAsLongAsItMayWhileTheDatabaseIsFrozen) {
  const auto gallery = OpenGallery(/*max_staleness=*/absl::Seconds(3));
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  ASSERT_THAT(gallery->Sync(), IsOk());
  ASSERT_THAT(gallery->FindReferences("ada"), IsOk()) << "now in memory";
  Server()->Freeze();
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
  Server()->Continue();
  const absl::Time back = absl::Now();
  while (!gallery->Sync().ok() && absl::Now() - back < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_THAT(gallery->FindReferences("ada"), IsOk());
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("bob", {ReferenceNamed("r3")})), IsOk());
}

TEST_F(PostgresStoreTest, LosesNothingAnsweredWhenTheDatabaseIsKilledAndGoesOnWithIt) {
  const auto gallery = OpenGallery();
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  Server()->Kill();
  EXPECT_THAT(gallery->GetPerson("ada"), FailsWith(Reason::STORE_FAILED));
  ASSERT_TRUE(Server()->StartAgain());
  const absl::Time back = absl::Now();
  while (!gallery->Sync().ok() && absl::Now() - back < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_THAT(gallery->GetPerson("ada"), IsOk());
  EXPECT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")})), IsOk());
}

}  // namespace
}  // namespace likeness
