// A PostgreSQL that is slow, ends sessions, moves or falls silent: only who meets that hears of it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/telemetry/log.h"
#include "tests/support/passage.h"
#include "tests/unit/gallery/postgres_galleries.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

class PostgresFaultsTest : public PostgresTest {
 protected:
  static absl::StatusOr<std::unique_ptr<PostgresDatabase>> OpenDatabase(const std::string& url, int connections = 8,
                                                                        absl::Duration timeout = kStoreTimeout) {
    PostgresOptions options;
    options.url = url;
    options.timeout = timeout;
    options.connections = connections;
    return PostgresDatabase::Open(options);
  }

  // What was logged since testing::internal::CaptureStderr().
  static std::string CapturedLog() {
    EXPECT_TRUE(FlushLog(absl::Seconds(60)));
    return testing::internal::GetCapturedStderr();
  }

  // Lets the statement do something whenever a row of the table is inserted.
  void Before(const std::string& table, const std::string& statement) {
    Execute(absl::StrCat("CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ", statement,
                         "; RETURN NEW; END $$; CREATE TRIGGER meddle BEFORE INSERT ON ", table,
                         " FOR EACH ROW EXECUTE FUNCTION meddle()"));
  }

  // Waits until so many sessions wait for a lock that somebody else has.
  void AwaitWaiting(int sessions) {
    while (Count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = "
                 "'likeness'") < sessions) {
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  // Makes every connection of the database's pool be opened.
  static void UseAll(SqlDatabase& database, int connections) {
    auto* const barrier = new absl::Barrier(connections);
    std::vector<std::thread> threads;
    for (int i = 0; i < connections; ++i) {
      threads.emplace_back([&] {
        EXPECT_THAT(database.Read([&](SqlSession&) {
          if (barrier->Block()) delete barrier;
          return absl::OkStatus();
        }),
                    IsOk());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  static absl::Status Look(SqlDatabase& database) {
    return database.Read([](SqlSession& session) {
      session.Run("SELECT persons FROM gallery");
      return absl::OkStatus();
    });
  }
  static absl::Status Touch(SqlDatabase& database) {
    return database.Write([](SqlSession& session) {
      session.Change("UPDATE gallery SET revision = revision + 1", {});
      return absl::OkStatus();
    });
  }
};

TEST_F(PostgresFaultsTest, AWriteThatWaitsForALockFailsAloneAndIsNoLostDatabase) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  PostgresConnection other(url_, absl::Seconds(30));
  other.Execute("BEGIN; SELECT 1 FROM gallery FOR UPDATE");
  testing::internal::CaptureStderr();
  const auto refused = (*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany);
  EXPECT_THAT(refused, FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("slow or busy"));
  EXPECT_THAT((*store)->GetPerson("ada"), IsOk()) << "at once";
  EXPECT_THAT(CapturedLog(), Not(HasSubstr("store_lost")));
  other.Execute("ROLLBACK");
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
}

// They used to take all connections, and wait.
TEST_F(PostgresFaultsTest, WritersThatWaitForALockKeepNobodyFromReading) {
  constexpr int kConnections = 4;
  const auto database = OpenDatabase(url_, kConnections, /*timeout=*/absl::Seconds(20));
  ASSERT_THAT(database, IsOk());
  PostgresConnection other(url_, absl::Seconds(30));
  other.Execute("BEGIN; SELECT 1 FROM gallery FOR UPDATE");
  std::atomic<int> written = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 2 * kConnections; ++i) {
    writers.emplace_back([&] {
      EXPECT_THAT(Touch(**database), IsOk());
      ++written;
    });
  }
  AwaitWaiting(kConnections / 2);
  for (int i = 0; i < 500; ++i) ASSERT_THAT(Look(**database), IsOk());
  EXPECT_EQ(written, 0) << "the reads waited for them";
  other.Execute("ROLLBACK");
  for (std::thread& writer : writers) writer.join();
}

TEST_F(PostgresFaultsTest, ASlowStatementFailsItsCallAndChangesNothing) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  Before("person", "IF NEW.person_id = 'slow' THEN PERFORM pg_sleep(60); END IF");
  testing::internal::CaptureStderr();
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("slow", {ReferenceNamed("r1")}), kMany), FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("fast", {ReferenceNamed("r2")}), kMany), IsOk()) << "at once";
  EXPECT_THAT(CapturedLog(), Not(HasSubstr("store_lost")));
  EXPECT_THAT((*store)->GetPerson("slow"), FailsWith(Reason::PERSON_NOT_FOUND));
}

// Its statement is given up there, so that the client hears of it: one client for several sessions would be kept back.
TEST_F(PostgresFaultsTest, KeepsTheConnectionOfACancelledStatement) {
  const auto database = OpenDatabase(url_, /*connections=*/1);
  ASSERT_THAT(database, IsOk());
  int64_t before = 0, after = 0;
  const auto process = [&](int64_t& id) {
    return (*database)->Read([&](SqlSession& session) {
      id = std::get<int64_t>(session.Run("SELECT pg_backend_pid()")[0][0]);
      return absl::OkStatus();
    });
  };
  ASSERT_THAT(process(before), IsOk());
  EXPECT_THAT((*database)->Read([](SqlSession& session) {
    session.Run("SELECT count(*) FROM pg_sleep(60)");
    return absl::OkStatus();
  }),
              FailsWith(Reason::STORE_FAILED));
  ASSERT_THAT(process(after), IsOk());
  EXPECT_EQ(before, after);
}

TEST_F(PostgresFaultsTest, ASessionThatIsEndedInTheMiddleFailsItsCallAlone) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  Before("person", "IF NEW.person_id = 'bob' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF");
  testing::internal::CaptureStderr();
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r1")}), kMany), FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT((*store)->GetPerson("bob"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), kMany), IsOk());
  EXPECT_THAT(CapturedLog(), Not(HasSubstr("store_lost")));
}

TEST_F(PostgresFaultsTest, AnEnrolmentThatBreaksOffLeavesNothingBehind) {
  const auto store = OpenPostgresStore(url_);
  ASSERT_THAT(store, IsOk());
  Before("embedding", "IF (SELECT count(*) FROM embedding) = 1 THEN RAISE EXCEPTION 'no'; END IF");
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1"), ReferenceNamed("r2")}), kMany),
              FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT((*store)->GetPerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT((*store)->Size(), IsOkAndHolds(HasSize(0, 0)));
}

TEST_F(PostgresFaultsTest, NoCallFailsAfterAllIdleSessionsWereEnded) {
  constexpr int kConnections = 8;
  const auto database = OpenDatabase(url_, kConnections);
  ASSERT_THAT(database, IsOk());
  for (const auto& call : {Look, Touch}) {
    UseAll(**database, kConnections);
    PostgresConnection other(url_, absl::Seconds(30));
    const char* const others =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'likeness' AND pid <> "
        "pg_backend_pid()";
    EXPECT_GE(std::get<int64_t>(other.Run(others)[0][0]), kConnections);
    while (std::get<int64_t>(other.Run(others)[0][0]) > 0) absl::SleepFor(absl::Milliseconds(5));
    for (int i = 0; i < kConnections + 4; ++i) EXPECT_THAT(call(**database), IsOk()) << i;
  }
}

TEST_F(PostgresFaultsTest, NoCallFailsAfterTheDatabaseWasStartedAgain) {
  const auto database = OpenDatabase(url_, 4);
  ASSERT_THAT(database, IsOk());
  UseAll(**database, 4);
  SharedPostgres()->Kill();
  ASSERT_TRUE(SharedPostgres()->StartAgain());
  for (int i = 0; i < 8; ++i) EXPECT_THAT(Look(**database), IsOk()) << i;
  EXPECT_THAT(Touch(**database), IsOk());
}

TEST_F(PostgresFaultsTest, SaysWhichLimitIsMetWhenAllConnectionsAreInUse) {
  const auto database = OpenDatabase(url_, /*connections=*/1);
  ASSERT_THAT(database, IsOk());
  absl::Notification reading, done;
  std::thread reader([&] {
    EXPECT_THAT((*database)->Read([&](SqlSession& session) {
      reading.Notify();
      while (!done.HasBeenNotified()) session.Run("SELECT 1");
      return absl::OkStatus();
    }),
                IsOk());
  });
  reading.WaitForNotification();
  const absl::Status refused = Look(**database);
  done.Notify();
  reader.join();
  EXPECT_THAT(refused, FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--store-connections"));
  EXPECT_THAT(Look(**database), IsOk());
}

TEST_F(PostgresFaultsTest, ADatabaseThatTakesNoMoreConnectionsIsNotAway) {
  ASSERT_THAT(OpenPostgresStore(url_), IsOk());
  const std::string schema = url_.substr(url_.rfind("gallery"));
  const std::string role = "few_" + schema;
  Execute(absl::StrCat("CREATE ROLE ", role, " LOGIN CONNECTION LIMIT 2; GRANT USAGE ON SCHEMA ", schema, " TO ", role,
                       "; GRANT SELECT ON ALL TABLES IN SCHEMA ", schema, " TO ", role));
  const auto database = OpenDatabase(PostgresServer::As(role, url_));
  ASSERT_THAT(database, IsOk());
  while (Count("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'few_%'") > 0) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  UseAll(**database, 2);
  absl::Notification done;
  absl::Barrier* const barrier = new absl::Barrier(3);
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      EXPECT_THAT((*database)->Read([&](SqlSession&) {
        if (barrier->Block()) delete barrier;
        done.WaitForNotification();
        return absl::OkStatus();
      }),
                  IsOk());
    });
  }
  if (barrier->Block()) delete barrier;
  const absl::Status refused = Look(**database);
  done.Notify();
  for (std::thread& reader : readers) reader.join();
  EXPECT_THAT(refused, FailsWith(Reason::STORE_FAILED));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("max_connections"));
  EXPECT_THAT(Look(**database), IsOk()) << "at once";
}

// A port that takes connections and says nothing.
class SilentPort {
 public:
  SilentPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 64) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { close(socket_); }

  int port() const { return port_; }

 private:
  const int socket_;
  int port_ = 0;
};

TEST_F(PostgresFaultsTest, ASilentHostIsPassedOverForTheNextOfTheList) {
  const SilentPort silent;
  const std::string url =
      absl::StrCat(absl::StrReplaceAll(url_, {{"host=", "host=127.0.0.1,"}}), "&port=", silent.port(), ",5432");
  const auto store = OpenPostgresStore(url);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), kMany), IsOk());
  (*store)->AwaitChange(absl::Seconds(1));  // begins to listen
  ASSERT_THAT((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), kMany), IsOk());
  const absl::Time start = absl::Now();
  (*store)->AwaitChange(absl::Seconds(60));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30)) << "it was told";
}

TEST_F(PostgresFaultsTest, NamesASilentHost) {
  const SilentPort silent;
  EXPECT_THAT(OpenPostgresStore(absl::StrCat("postgres://postgres@127.0.0.1:", silent.port(), "/postgres")),
              HasStatus(absl::StatusCode::kFailedPrecondition,
                        HasSubstr(absl::StrCat("127.0.0.1:", silent.port(), " does not answer"))));
}

TEST_F(PostgresFaultsTest, AHostThatTakesNoChangesIsPassedOverAlsoWhenItBecomesOne) {
  const std::unique_ptr<PostgresServer> first = PostgresServer::Start();
  ASSERT_NE(first, nullptr);
  const std::string there = PostgresServer::Through(first->socket_folder(), url_);
  PostgresConnection switching(there, absl::Seconds(30));
  switching.Execute("CREATE SCHEMA " + url_.substr(url_.rfind("gallery")));
  ASSERT_THAT(OpenPostgresStore(there), IsOk());
  ASSERT_THAT(OpenPostgresStore(url_), IsOk());
  const std::string folder = absl::StrReplaceAll(SharedPostgres()->socket_folder(), {{"/", "%2F"}});
  const auto store =
      OpenPostgresStore(absl::StrReplaceAll(there, {{"&options", absl::StrCat(",", folder, "&options")}}));
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->AllowModel(ModelNamed(1)), IsOk());
  const auto allowed = [&] { return Count("SELECT count(*) FROM allowed_model"); };
  ASSERT_EQ(allowed(), 0) << "the first that takes changes got it";
  switching.Execute("ALTER SYSTEM SET default_transaction_read_only = on");
  switching.Execute("SELECT pg_reload_conf()");
  // Its sessions hear of it one by one.
  for (uint8_t model = 2; model < 100 && allowed() == 0; ++model) {
    ASSERT_THAT((*store)->AllowModel(ModelNamed(model)), IsOk());
  }
  EXPECT_EQ(allowed(), 1);
}

TEST_F(PostgresFaultsTest, WakesWhoWaitsForAChange) {
  const auto here = OpenPostgresStore(url_), there = OpenPostgresStore(url_);
  ASSERT_THAT(here, IsOk());
  ASSERT_THAT(there, IsOk());
  (*here)->AwaitChange(absl::Seconds(1));
  ASSERT_THAT((*there)->AllowModel(ModelNamed(1)), IsOk());
  const absl::Time start = absl::Now();
  (*here)->AwaitChange(absl::Seconds(60));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

// Nobody is told when a firewall forgets a connection.
TEST_F(PostgresFaultsTest, AConnectionThatListensAndFellSilentIsReplaced) {
  const Passage passage(SharedPostgres()->socket_folder());
  const auto here = OpenDatabase(PostgresServer::Through(passage.folder(), url_));
  const auto there = OpenDatabase(url_);
  ASSERT_THAT(here, IsOk());
  ASSERT_THAT(there, IsOk());
  (*here)->AwaitChange(absl::Seconds(1));
  passage.BlockThoseThere();
  bool woken = false;
  for (int i = 0; i < 100 && !woken; ++i) {
    ASSERT_THAT(Touch(**there), IsOk());
    const absl::Time start = absl::Now();
    (*here)->AwaitChange(absl::Milliseconds(500));
    // What it was told of by a new connection, twice: the first look after that is made at once in any case.
    woken = absl::Now() - start < absl::Milliseconds(250) && Touch(**there).ok() && [&] {
      const absl::Time again = absl::Now();
      (*here)->AwaitChange(absl::Seconds(60));
      return absl::Now() - again < absl::Seconds(30);
    }();
  }
  EXPECT_TRUE(woken);
}

}  // namespace
}  // namespace likeness
