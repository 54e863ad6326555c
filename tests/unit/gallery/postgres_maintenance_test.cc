// What takes long, or changes much: it does, and lets others write in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "server/gallery/gallery.h"
#include "tests/unit/gallery/postgres_galleries.h"

namespace likeness {
namespace {

class PostgresMaintenanceTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    auto store = OpenPostgresStore(url_, Protection::Plaintext());
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  // Somebody with so many references, with embeddings by the model that are damaged.
  void InsertReferences(int count) {
    Execute("INSERT INTO person (person_id, create_time) VALUES ('ada', 0)");
    Execute(
        absl::StrCat("INSERT INTO face_reference (reference_id, person_id, create_time, model_digest) SELECT "
                     "'r' || i, 'ada', 0, '\\x01' FROM generate_series(1, ",
                     count, ") i"));
    Execute(
        "INSERT INTO embedding SELECT number, decode(repeat('02', 32), 'hex'), '\\x00', '\\x00' FROM "
        "face_reference");
  }

  static ModelDigest Model() { return ModelNamed(2); }

  std::unique_ptr<SqlStore> store_;
};

TEST_F(PostgresMaintenanceTest, CountingMayTakeLongerThanACall) {
  PostgresConnection other(url_, absl::Seconds(30));
  other.Execute("BEGIN; LOCK TABLE crop IN ACCESS EXCLUSIVE MODE");
  absl::Status counted = absl::UnknownError("");
  std::thread counting([&] { counted = store_->Coverage(Model(), {}).status(); });
  while (Count("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) absl::SleepFor(absl::Milliseconds(5));
  absl::SleepFor(kStoreTimeout + kStoreTimeout / 2);
  EXPECT_THAT(store_->Size(), IsOk()) << "meanwhile";
  other.Execute("ROLLBACK");
  counting.join();
  EXPECT_THAT(counted, IsOk());
}

TEST_F(PostgresMaintenanceTest, AddingEmbeddingsMayTakeLongerThanACall) {
  ASSERT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  const EmbeddingSources sources{"", ReferenceNamed("").embedding.model};
  const auto references = store_->Unembedded(ModelNamed(7), sources, 0, 10);
  ASSERT_THAT(references, IsOkAndHolds(testing::SizeIs(1)));
  Execute(absl::StrCat("CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(",
                       absl::ToDoubleSeconds(1.5 * kStoreTimeout),
                       "); RETURN NEW; END $$; CREATE TRIGGER linger BEFORE INSERT ON embedding FOR EACH ROW EXECUTE "
                       "FUNCTION linger()"));
  EXPECT_THAT(store_->AddEmbeddings(*references, {{ModelNamed(7), {1, 2}}}), IsOk());
  EXPECT_THAT(store_->References("ada"), IsOkAndHolds(testing::SizeIs(2)));
}

// Notes how many rows each statement deletes from a table, by transaction.
std::string NotingDeletions(const std::string& table) {
  return absl::StrReplaceAll(
      "CREATE TABLE deletion (id XID8, count BIGINT); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ "
      "BEGIN INSERT INTO deletion SELECT pg_current_xact_id(), count(*) FROM gone; RETURN NULL; END $$; CREATE TRIGGER "
      "note AFTER DELETE ON TABLE_NAME REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note()",
      {{"TABLE_NAME", table}});
}

TEST_F(PostgresMaintenanceTest, DeletesAModelsEmbeddingsSoManyAtATime) {
  InsertReferences(2500);
  Execute(NotingDeletions("embedding"));
  const auto deleted = store_->DeleteEmbeddings(Model());
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->embeddings, 2500);
  EXPECT_EQ(Count("SELECT count(*) FROM embedding"), 0);
  EXPECT_EQ(Count("SELECT count(DISTINCT id) FROM deletion"), 3);
  EXPECT_LE(Count("SELECT max(count) FROM deletion"), 1000);
}

TEST_F(PostgresMaintenanceTest, ForgetsChangesSoManyAtATime) {
  Execute(
      "INSERT INTO change (revision, kind, person, subject, time) SELECT i, 5, decode(repeat('01', 32), 'hex'), "
      "'', 0 FROM generate_series(1, 2500) i; UPDATE gallery SET revision = 2500");
  const GalleryPosition last = store_->ChangesAfter({})->position;
  ASSERT_EQ(last.revision, 2500);
  ASSERT_THAT(store_->AllowModel(Model()), IsOkAndHolds(2501));
  Execute(NotingDeletions("change"));
  ASSERT_THAT(store_->ForgetChanges(absl::Hours(1)), IsOk());
  EXPECT_EQ(Count("SELECT count(*) FROM change"), 1);
  EXPECT_LE(Count("SELECT max(count) FROM deletion"), 1000);
  EXPECT_GE(Count("SELECT count(DISTINCT id) FROM deletion"), 3);
  EXPECT_TRUE(store_->ChangesAfter(last)->complete);
  EXPECT_FALSE(store_->ChangesAfter({last.history, 2499, last.tag})->complete);
}

// The thread that follows the changes does it: a deleted person would be answered for meanwhile.
TEST_F(PostgresMaintenanceTest, ForgettingDoesNotWaitLongForAWriterNorAtAllForNothing) {
  ASSERT_THAT(store_->AllowModel(Model()), IsOk());
  PostgresConnection other(url_, absl::Seconds(30));
  other.Execute("BEGIN; SELECT 1 FROM gallery FOR UPDATE");
  EXPECT_THAT(store_->ForgetChanges(absl::Hours(1)), IsOk());
  Execute("UPDATE change SET time = 0");
  EXPECT_THAT(store_->ForgetChanges(absl::Hours(1)), FailsWith(Reason::STORE_FAILED));
  other.Execute("ROLLBACK");
  EXPECT_THAT(store_->ForgetChanges(absl::Hours(1)), IsOk());
  EXPECT_EQ(Count("SELECT count(*) FROM change"), 0);
}

TEST_F(PostgresMaintenanceTest, ASearchGoesOnWhileEmbeddingsWaitForAWriter) {
  Metrics metrics;
  const auto gallery = *Gallery::Open(std::move(store_), {}, metrics);
  ASSERT_THAT(gallery->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")})), IsOk());
  const Embedding probe = ReferenceNamed("").embedding;
  const auto references = gallery->Unembedded(ModelNamed(7), {"", probe.model}, 0, 10);
  ASSERT_THAT(references, IsOk());
  PostgresConnection other(url_, absl::Seconds(30));
  other.Execute("BEGIN; SELECT 1 FROM gallery FOR UPDATE");
  std::atomic<bool> added = false;
  std::thread adding([&] {
    EXPECT_THAT(gallery->AddEmbeddings(*references, {{ModelNamed(7), {1, 2}}}), IsOk());
    added = true;
  });
  while (Count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 0) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_THAT(gallery->FindNearestOther(probe, "bob"), IsOk());
  EXPECT_FALSE(added);
  other.Execute("ROLLBACK");
  adding.join();
}

// The end of a server waits for its maintenance.
TEST_F(PostgresMaintenanceTest, EndsWhenOthersFindTheDatabaseToBeAway) {
  PostgresOptions options;
  options.url = url_;
  options.timeout = kStoreTimeout;
  const auto database = *PostgresDatabase::Open(options);
  std::thread maintaining([&] {
    EXPECT_THAT(database->Survey([](SqlSession& session) {
      session.Run("SELECT count(*) FROM pg_sleep(240)");
      return absl::OkStatus();
    }),
                FailsWith(Reason::STORE_FAILED));
  });
  while (Count("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  SharedPostgres()->Freeze();
  EXPECT_THAT(database->Read([](SqlSession&) { return absl::OkStatus(); }), FailsWith(Reason::STORE_FAILED));
  maintaining.join();
  SharedPostgres()->Continue();
}

// A change that looks young keeps all after it, whatever their times say: a log with a gap would hide that it has one.
TEST_F(PostgresMaintenanceTest, LeavesNoGapInTheLog) {
  for (int i = 0; i < 3; ++i) ASSERT_THAT(store_->AllowModel(Model()), IsOk());
  Execute("UPDATE change SET time = 0 WHERE revision <> 2");
  ASSERT_THAT(store_->ForgetChanges(absl::Hours(1)), IsOk());
  EXPECT_EQ(Count("SELECT min(revision) FROM change"), 2);
  EXPECT_EQ(Count("SELECT count(*) FROM change"), 2);
}

// One server's clock is ahead, and it forgets what others have not seen yet.
TEST_F(PostgresMaintenanceTest, ForgetsByTheDatabasesClock) {
  // What the gallery takes for PostgreSQL's clock.
  const std::string url = SharedPostgres()->NewGallery();
  const std::string schema = url.substr(url.rfind("gallery"));
  Execute(
      absl::StrCat("CREATE FUNCTION ", schema,
                   ".clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() - interval '2 hours' $$"));
  const auto store = OpenPostgresStore(url + ",pg_catalog");
  ASSERT_THAT(store, IsOk());
  const GalleryPosition before = (*store)->ChangesAfter({})->position;
  ASSERT_THAT((*store)->AllowModel(Model()), IsOk());
  ASSERT_THAT((*store)->ForgetChanges(absl::Hours(1)), IsOk());
  EXPECT_TRUE((*store)->ChangesAfter(before)->complete) << "just now, by that clock";
  Execute(absl::StrCat("CREATE OR REPLACE FUNCTION ", schema,
                       ".clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() $$"));
  ASSERT_THAT((*store)->ForgetChanges(absl::Hours(1)), IsOk());
  EXPECT_FALSE((*store)->ChangesAfter(before)->complete) << "two hours ago, by that clock";
}

// Two windows of those that have an embedding, or a crop, and those who have none.
TEST_F(PostgresMaintenanceTest, FindsWhatIsToBeEmbeddedBehindMuchThatIsNot) {
  InsertReferences(2500);
  Execute("DELETE FROM embedding WHERE reference > 2490");
  ASSERT_THAT(store_->Enrol(EnrolmentOf("bob", {ReferenceNamed("last")}), kMany), IsOk());
  const EmbeddingSources sources{"", ReferenceNamed("").embedding.model};
  const auto references = store_->Unembedded(ModelNamed(7), sources, 0, 10);
  ASSERT_THAT(references, IsOk());
  EXPECT_EQ(IdsOf(*references), std::vector<std::string>{"last"});
  EXPECT_EQ(IdsOf(*store_->EmbeddingsBy(ReferenceNamed("").embedding.model, 0, 10)), std::vector<std::string>{"last"});
  EXPECT_THAT(store_->EmbeddingsBy(Model(), 0, 1500), IsOkAndHolds(testing::SizeIs(1500)));
  EXPECT_THAT(store_->EmbeddingsBy(Model(), 1500, 1500), IsOkAndHolds(testing::SizeIs(990)));
}

}  // namespace
}  // namespace likeness
