// What stands between a server and its PostgreSQL: roles with few privileges, poolers, lists of hosts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/postgres_hosts.h"
#include "tests/support/files.h"
#include "tests/support/pgbouncer.h"
#include "tests/unit/gallery/postgres_galleries.h"

namespace likeness {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

// The statements that docs/operations.md has for roles.
std::string DocumentedRoles() {
  const std::string text = ReadFile(LIKENESS_DOCS_DIR "/operations.md");
  const std::string begin = "```sql\nCREATE ROLE";
  const size_t from = text.find(begin);
  if (from == std::string::npos) return "";
  return text.substr(from + 7, text.find("```", from + 7) - from - 7);
}

TEST(PostgresRolesTest, AServiceRoleRunsOnWhatTheOwnerMadeByTheDocumentedStatements) {
  if (SharedPostgres() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  const std::string database = SharedPostgres()->NewDatabase();
  PostgresConnection(database, absl::Seconds(30)).Execute(DocumentedRoles());
  const std::string service = PostgresServer::As("likeness", database);
  EXPECT_THAT(OpenPostgresStore(service),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("role that owns them")));
  ASSERT_THAT(OpenPostgresStore(PostgresServer::As("likeness_owner", database)), IsOk());
  const auto store = OpenPostgresStore(service);
  ASSERT_THAT(store, IsOk());
  Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("r1")}, "request", 1);
  enrolment.crops = {{"kind", "crop"}};
  ASSERT_THAT((*store)->Enrol(enrolment, {}), IsOk());
  EXPECT_THAT((*store)->References("ada"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT((*store)->AllowModel(ModelNamed(1)), IsOk());
  EXPECT_THAT((*store)->coordination().RetireModel(ModelNamed(1), ModelNamed(2)), IsOk());
  EXPECT_THAT((*store)->coordination().BeginKeyRotation({"server", "host"}), IsOk());
  EXPECT_THAT((*store)->RotateKeys("", 10), IsOk());
  EXPECT_THAT((*store)->DeleteEmbeddings(ModelNamed(1)), IsOk());
  EXPECT_THAT((*store)->ForgetChanges(absl::ZeroDuration()), IsOk());
  EXPECT_THAT((*store)->DeletePerson("ada"), IsOk());
  PostgresConnection connection(service, absl::Seconds(30));
  EXPECT_THROW(connection.Execute("CREATE TABLE more ()"), std::runtime_error);
  EXPECT_THROW(connection.Execute("DROP TABLE person"), std::runtime_error);
  // The next version's.
  PostgresConnection(PostgresServer::As("likeness_owner", database), absl::Seconds(30))
      .Execute("UPDATE likeness_schema SET version = version - 1");
  EXPECT_THAT(OpenPostgresStore(service),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("role that owns them")));
}

class PgBouncerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (SharedPostgres() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    database_ = SharedPostgres()->NewDatabase();
  }

  absl::StatusOr<std::unique_ptr<SqlStore>> OpenThrough(const std::string& pool_mode) {
    bouncer_ = PgBouncer::Start(*SharedPostgres(), pool_mode);
    if (bouncer_ == nullptr) return absl::UnavailableError("no pgbouncer");
    return OpenPostgresStore(bouncer_->To(database_));
  }

  std::string database_;
  std::unique_ptr<PgBouncer> bouncer_;
};

TEST_F(PgBouncerTest, InSessionModeServersTellEachOtherOfChanges) {
  const auto here = OpenThrough("session");
  if (bouncer_ == nullptr) GTEST_SKIP() << "pgbouncer is not installed";
  ASSERT_THAT(here, IsOk());
  const auto there = OpenPostgresStore(bouncer_->To(database_));
  ASSERT_THAT(there, IsOk());
  (*there)->AwaitChange(absl::Seconds(1));
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT((*here)->Enrol(EnrolmentOf("ada", {ReferenceNamed(absl::StrCat("r", i))}), {}), IsOk());
    const absl::Time start = absl::Now();
    (*there)->AwaitChange(absl::Seconds(60));
    EXPECT_LT(absl::Now() - start, absl::Seconds(30));
    EXPECT_THAT((*there)->References("ada"), IsOkAndHolds(SizeIs(i + 1)));
  }
}

TEST_F(PgBouncerTest, InTransactionModeTheServerRefusesToStartAndSaysWhy) {
  const auto store = OpenThrough("transaction");
  if (bouncer_ == nullptr) GTEST_SKIP() << "pgbouncer is not installed";
  EXPECT_THAT(store, HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("pool_mode = session")));
}

TEST_F(PgBouncerTest, InTransactionModeTheServerRefusesToStartAlsoOnABusyPool) {
  bouncer_ = PgBouncer::Start(*SharedPostgres(), "transaction");
  if (bouncer_ == nullptr) GTEST_SKIP() << "pgbouncer is not installed";
  // Processes that are free, and one that is not.
  std::vector<std::unique_ptr<PostgresConnection>> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(std::make_unique<PostgresConnection>(bouncer_->To(database_), absl::Seconds(30)));
    others.back()->Execute("BEGIN");
  }
  for (int i = 0; i < 4; ++i) others[static_cast<size_t>(i)]->Execute("COMMIT");
  EXPECT_THAT(OpenPostgresStore(bouncer_->To(database_)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("pool_mode = session")));
}

TEST_F(PgBouncerTest, InStatementModeTheServerRefusesToStart) {
  const auto store = OpenThrough("statement");
  if (bouncer_ == nullptr) GTEST_SKIP() << "pgbouncer is not installed";
  EXPECT_THAT(store, HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("pooling mode")));
}

std::vector<std::string> NamesOf(const PostgresHosts& hosts) {
  std::vector<std::string> names;
  for (const PostgresHost& host : hosts.InOrder()) names.push_back(host.name);
  return names;
}

TEST(PostgresHostsTest, TriesTheOneThatAnsweredLastBeforeTheOthers) {
  PostgresHosts hosts("postgres://a@10.0.0.1:1,10.0.0.2:2,10.0.0.3:3/faces");
  EXPECT_THAT(NamesOf(hosts), ElementsAre("10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"));
  hosts.NoteAnswered(hosts.InOrder()[1]);
  EXPECT_THAT(NamesOf(hosts), ElementsAre("10.0.0.2:2", "10.0.0.3:3", "10.0.0.1:1"));
}

TEST(PostgresHostsTest, WantsOneOfSeveralHostsThatTakesChangesUnlessTheUrlSaysOtherwise) {
  const auto one = PostgresHosts("host=/a port=7 dbname=faces").InOrder();
  ASSERT_THAT(one, SizeIs(1));
  EXPECT_THAT(one[0].parameters, testing::Not(Contains(Pair("target_session_attrs", testing::_))));
  const auto several = PostgresHosts("host=/a,/b port=7 dbname=faces").InOrder();
  ASSERT_THAT(several, SizeIs(2));
  EXPECT_THAT(several[1].parameters, Contains(Pair("target_session_attrs", "read-write")));
  EXPECT_THAT(several[1].parameters, Contains(Pair("host", "/b")));
  EXPECT_THAT(several[1].parameters, Contains(Pair("port", "7")));
  const auto any = PostgresHosts("host=/a,/b target_session_attrs=any").InOrder();
  EXPECT_THAT(any[0].parameters, Contains(Pair("target_session_attrs", "any")));
}

TEST(PostgresHostsTest, RefusesWhatIsNoUrl) {
  EXPECT_THROW(PostgresHosts("postgres://a@[b/c"), std::runtime_error);
  EXPECT_THROW(PostgresHosts("host=/a,/b,/c port=1,2"), std::runtime_error);
}

}  // namespace
}  // namespace likeness
