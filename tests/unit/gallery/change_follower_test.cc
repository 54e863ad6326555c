#include "server/gallery/change_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "server/gallery/sql_store.h"
#include "server/gallery/sqlite_database.h"
#include "server/threads/guarded.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;

// A SQLite file that says that other servers may use it, and throws when it is told to.
class SharedDatabase : public SqlDatabase {
 public:
  explicit SharedDatabase(const std::atomic<bool>& throws)
      : throws_(throws), database_(*SqliteDatabase::Open(UniquePath("gallery.db"))) {}

  absl::Status Read(Work work) override {
    if (throws_) throw std::runtime_error("a fault");
    return database_->Read(work);
  }
  absl::Status Write(Work work) override { return database_->Write(work); }
  absl::Status Erase(Work work) override { return database_->Erase(work); }
  bool shared() const override { return true; }
  void AwaitChange(absl::Duration) override { absl::SleepFor(absl::Milliseconds(1)); }

 private:
  const std::atomic<bool>& throws_;
  const std::unique_ptr<SqliteDatabase> database_;
};

class ChangeFollowerTest : public testing::Test {
 protected:
  ChangeFollower::Callbacks Callbacks() {
    return {[this] {
              if (follow_throws_) throw std::runtime_error("a fault");
              ++followed_;
              return absl::OkStatus();
            },
            [this](bool reachable) {
              absl::MutexLock lock(&mutex_);
              reported_.push_back(reachable);
            }};
  }

  // Waits until so much has been reported; what was.
  std::vector<bool> AwaitReports(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto reported = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reported_.size() >= count; };
    mutex_.Await(absl::Condition(&reported));
    return reported_;
  }

  std::atomic<bool> throws_ = false;
  std::atomic<bool> follow_throws_ = false;
  std::atomic<int> followed_ = 0;
  absl::Mutex mutex_;
  std::vector<bool> reported_ ABSL_GUARDED_BY(mutex_);
  Metrics metrics_;
  std::unique_ptr<Gallery> gallery_ =
      *Gallery::Open(*SqlStore::Open(std::make_unique<SharedDatabase>(throws_), Protection::Plaintext()), {}, metrics_);
};

// It used to end the process.
TEST_F(ChangeFollowerTest, SaysThatTheGalleryCannotBeReachedWhileItThrowsAndGoesOn) {
  const int64_t failures = ThreadFailures(ThreadKind::kFollower);
  const ChangeFollower follower(*gallery_, Callbacks());
  throws_ = true;
  EXPECT_THAT(AwaitReports(1), ElementsAre(false));
  EXPECT_GT(ThreadFailures(ThreadKind::kFollower), failures);
  throws_ = false;
  EXPECT_THAT(AwaitReports(2), ElementsAre(false, true));
}

TEST_F(ChangeFollowerTest, TriesAgainToFollowAModelAfterThatThrew) {
  follow_throws_ = true;
  const ChangeFollower follower(*gallery_, Callbacks());
  EXPECT_THAT(AwaitReports(1), ElementsAre(false));
  follow_throws_ = false;
  AwaitReports(2);
  while (followed_ == 0) absl::SleepFor(absl::Milliseconds(1));
}

}  // namespace
}  // namespace likeness
