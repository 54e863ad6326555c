// A store that fails, answers slowly or loses its answers, a full disk and one that cannot be written: errors in time,
// nothing half done, and recovery.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/gallery.h"
#include "tests/support/faulty_database.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

using testing::SizeIs;

class StoreFaultsTest : public testing::Test {
 protected:
  StoreFaultsTest() {
    auto database = std::make_unique<FaultyDatabase>(*SqliteDatabase::Open(UniquePath("gallery.sqlite")), faults_);
    gallery_ = *Gallery::Open(*SqlStore::Open(std::move(database), ProtectionBy(1)), {}, metrics_);
  }

  static Enrolment EnrolmentNumber(int number) {
    const std::string name = absl::StrCat("of request ", number);
    Enrolment enrolment = EnrolmentOf("ada", {ReferenceNamed("a " + name), ReferenceNamed("b " + name)}, name,
                                      static_cast<uint8_t>(number));
    enrolment.crops = {{"kind", "crop a"}, {"kind", "crop b"}};
    return enrolment;
  }

  // What calls see: the references of a person, from memory or from the store; 0 for nobody.
  size_t Seen() {
    const absl::StatusOr<References> references = gallery_->FindReferences("ada");
    return references.ok() ? (*references)->size() : 0;
  }

  Metrics metrics_;
  const std::shared_ptr<FaultPlan> faults_ = std::make_shared<FaultPlan>();
  std::unique_ptr<Gallery> gallery_;
};

TEST_F(StoreFaultsTest, AnEnrolmentThatBreaksOffAnywhereLeavesNothingBehind) {
  ASSERT_THAT(gallery_->Enrol(EnrolmentNumber(0)), IsOk());
  int breaks = 0;
  for (absl::Status status = absl::UnknownError(""); !status.ok() && breaks < 100; ++breaks) {
    faults_->fault = Fault::kBreaks;
    faults_->statement = breaks;
    status = gallery_->Enrol(EnrolmentNumber(1)).status();
    if (status.ok()) break;
    EXPECT_THAT(status, FailsWith(Reason::STORE_FAILED));
    faults_->fault = Fault::kNone;
    EXPECT_EQ(Seen(), 2u) << breaks;
    EXPECT_EQ(gallery_->size().references, 2) << breaks;
    EXPECT_THAT(gallery_->FindEnrolment("of request 1", ContentNamed(1)), IsOkAndHolds(testing::Eq(std::nullopt)));
  }
  EXPECT_GT(breaks, 8) << "an enrolment is that many statements";
  faults_->fault = Fault::kNone;
  EXPECT_EQ(Seen(), 4u);
}

TEST_F(StoreFaultsTest, ADeletionThatBreaksOffAnywhereDeletesNothing) {
  ASSERT_THAT(gallery_->Enrol(EnrolmentNumber(0)), IsOk());
  for (int statements = 0; statements < 3; ++statements) {
    faults_->fault = Fault::kBreaks;
    faults_->statement = statements;
    EXPECT_THAT(gallery_->DeletePerson("ada"), FailsWith(Reason::STORE_FAILED)) << statements;
    faults_->fault = Fault::kNone;
    EXPECT_EQ(Seen(), 2u);
    EXPECT_THAT(gallery_->ReadPersonData("ada"), IsOk());
  }
}

TEST_F(StoreFaultsTest, ARepeatedRequestMakesALostAnswerGood) {
  faults_->fault = Fault::kAnswerLost;
  EXPECT_THAT(gallery_->Enrol(EnrolmentNumber(0)), FailsWith(Reason::STORE_FAILED));
  faults_->fault = Fault::kNone;
  const auto repeated = gallery_->Enrol(EnrolmentNumber(0));
  ASSERT_THAT(repeated, IsOk());
  EXPECT_TRUE(repeated->replayed);
  EXPECT_EQ(Seen(), 2u);
}

TEST_F(StoreFaultsTest, ADeletionWhoseAnswerWasLostIsSeenAtOnce) {
  ASSERT_THAT(gallery_->Enrol(EnrolmentNumber(0)), IsOk());
  ASSERT_EQ(Seen(), 2u);
  faults_->fault = Fault::kAnswerLost;
  EXPECT_THAT(gallery_->DeletePerson("ada"), FailsWith(Reason::STORE_FAILED));
  faults_->fault = Fault::kNone;
  EXPECT_EQ(Seen(), 0u) << "not from memory either";
}

// Against a model of what must be there.
TEST_F(StoreFaultsTest, NeverShowsWhatWasNotCommittedNorHidesWhatWas) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<int> done;  // requests that are in the gallery
  for (int number = 1; number <= 200; ++number) {
    faults_->fault = static_cast<Fault>(random() % 5);
    faults_->statement = static_cast<int>(random() % 12);
    if (random() % 3 == 0 && !done.empty()) {
      const auto deleted = gallery_->DeletePerson("ada");
      if (deleted.ok() || faults_->fault == Fault::kAnswerLost) done.clear();
    } else if (done.size() < 30) {
      const auto enrolled = gallery_->Enrol(EnrolmentNumber(number));
      if (enrolled.ok() || faults_->fault == Fault::kAnswerLost) done.push_back(number);
    }
    faults_->fault = Fault::kNone;
    ASSERT_EQ(Seen(), 2 * done.size()) << number;
    ASSERT_EQ(gallery_->FindNearestOther(ReferenceNamed("").embedding, "")->has_value(), !done.empty()) << number;
  }
}

// Runs `work` in a process of its own, and returns whether it returned true.
template <typename Work>
bool InAProcess(Work work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(DiskFaultsTest, AFullDiskIsAnErrorAndLosesNothing) {
  const std::string path = UniquePath("gallery.sqlite");
  const Enrolment first = EnrolmentOf("ada", {ReferenceNamed("r1")});
  ASSERT_THAT((*OpenSqliteStore(path, ProtectionBy(1)))->Enrol(first, {}), IsOk());
  // A limit on the size of files is to SQLite what a full disk is.
  EXPECT_TRUE(InAProcess([&] {
    signal(SIGXFSZ, SIG_IGN);
    const auto store = OpenSqliteStore(path, ProtectionBy(1));
    if (!store.ok()) return false;
    const rlimit limit{256 << 10, 256 << 10};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    bool failed = false;
    for (int number = 0; number < 20; ++number) {
      Enrolment enrolment = EnrolmentOf(absl::StrCat("person ", number), {ReferenceNamed(absl::StrCat("of ", number))});
      enrolment.crops = {{"kind", std::string(40'000, 'c')}};
      const auto enrolled = (*store)->Enrol(enrolment, {});
      if (!enrolled.ok() && ReasonOf(enrolled.status()) != Reason::STORE_FAILED) return false;
      failed |= !enrolled.ok();
      // All of it or nothing.
      const auto data = (*store)->ReadPersonData(enrolment.person_id);
      if (data.ok() != enrolled.ok() || (data.ok() && data->crops.size() != 1)) return false;
    }
    return failed && (*store)->References("ada").ok();
  }));
  // There is room again.
  const auto store = OpenSqliteStore(path, ProtectionBy(1));
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->References("ada"), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT((*store)->Enrol(EnrolmentOf("ada", {ReferenceNamed("r2")}), {}), IsOk());
  SQLite::Database database(path, SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
}

// No room for as much as one page, and none to delete in either.
TEST(DiskFaultsTest, AGalleryThatCannotBeWrittenStillAnswers) {
  const std::string path = UniquePath("gallery.sqlite");
  ASSERT_THAT((*OpenSqliteStore(path, ProtectionBy(1)))->Enrol(EnrolmentOf("ada", {ReferenceNamed("r1")}), {}), IsOk());
  EXPECT_TRUE(InAProcess([&] {
    signal(SIGXFSZ, SIG_IGN);
    const auto store = OpenSqliteStore(path, ProtectionBy(1));
    if (!store.ok() || !(*store)->References("ada").ok()) return false;
    const rlimit limit{0, 0};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    return ReasonOf((*store)->Enrol(EnrolmentOf("bob", {ReferenceNamed("r2")}), {}).status()) == Reason::STORE_FAILED &&
           ReasonOf((*store)->DeletePerson("ada").status()) == Reason::STORE_FAILED && (*store)->References("ada").ok();
  }));
  EXPECT_THAT((*OpenSqliteStore(path, ProtectionBy(1)))->DeletePerson("ada"), IsOk());
}

}  // namespace
}  // namespace likeness
