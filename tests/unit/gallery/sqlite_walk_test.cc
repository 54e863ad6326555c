// A random walk: a gallery is used, killed, backed up, restored, removed, copied over. After each step it has exactly
// the people whom it should have, or refuses to say.
//
// A short run by default; LIKENESS_WALK_STEPS=2000 is the long one (make torture).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gallery/gallery_file.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Persons = std::set<std::string>;

constexpr int kShortWalk = 200;

int Steps() {
  int steps = 0;
  const char* wish = std::getenv("LIKENESS_WALK_STEPS");
  return wish != nullptr && absl::SimpleAtoi(wish, &steps) ? steps : kShortWalk;
}

class Walk {
 public:
  explicit Walk(unsigned seed) : random_(seed) { Open(); }

  void Step() {
    switch (random_() % 12) {
      case 0:
        return Restart();
      case 1:
        return Kill();
      case 2:
        return BackUp();
      case 3:
        return backup_.has_value() ? Restore() : BackUp();
      case 4:
        return backup_.has_value() ? LoseFile() : BackUp();
      case 5:
        return backup_.has_value() ? CopyBackupOverKilled() : BackUp();
      case 6:
      case 7:
        return Delete();
      default:
        return Enrol();
    }
  }

  // That the store has just whom it should have, with the embeddings that were enrolled.
  void Check() {
    const auto persons = store_->ListPersons("", 1'000'000);
    ASSERT_THAT(persons, IsOk());
    Persons ids;
    for (const PersonRecord& person : *persons) ids.insert(person.person_id);
    ASSERT_EQ(ids, persons_);
    EXPECT_THAT(store_->Size(),
                IsOkAndHolds(HasSize(static_cast<int64_t>(ids.size()), static_cast<int64_t>(ids.size()))));
    if (ids.empty()) return;
    const std::string& any = *std::next(ids.begin(), static_cast<int>(random_() % ids.size()));
    ASSERT_THAT(store_->References(any), IsOk()) << any;
    const auto report = CheckGalleryFile(path_);
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(report->problems, testing::IsEmpty());
    EXPECT_TRUE(history_.empty() || report->history == history_) << "it changes at a restore alone";
    history_ = report->history;
  }

 private:
  void Open() {
    auto opened = OpenSqliteStore(path_, ProtectionBy(1));
    ASSERT_THAT(opened, IsOk());
    store_ = *std::move(opened);
  }

  void Enrol() {
    const std::string id = absl::StrCat("person-", ++number_);
    ASSERT_THAT(store_->Enrol(EnrolmentOf(id, {ReferenceNamed("of " + id)}), {}), IsOk());
    persons_.insert(id);
  }

  void Delete() {
    if (persons_.empty()) return Enrol();
    const auto any = std::next(persons_.begin(), static_cast<int>(random_() % persons_.size()));
    ASSERT_THAT(store_->DeletePerson(*any), IsOk());
    persons_.erase(any);
  }

  void Restart() {
    store_.reset();
    Open();
  }

  // What `kill -9` leaves: the files as they are, without the end that a store makes of them.
  void LeaveAsKilled() {
    const std::string killed = UniquePath("gallery.db");
    for (const char* suffix : {"", "-wal"}) fs::copy_file(path_ + suffix, killed + suffix);
    store_.reset();
    path_ = killed;
  }

  void Kill() {
    LeaveAsKilled();
    Open();
  }

  void BackUp() {
    ASSERT_THAT(BackUpGallery(path_, backup_path_), IsOk());
    backup_ = persons_;
  }

  void RestoreAndOpen() {
    ASSERT_THAT(RestoreGallery(backup_path_, path_, absl::Now()), IsOk());
    persons_ = *backup_;
    history_.clear();
    Open();
  }

  void Restore() {
    EXPECT_THAT(RestoreGallery(backup_path_, path_, absl::Now()),
                HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("stop it first")));
    random_() % 2 == 0 ? LeaveAsKilled() : store_.reset();
    RestoreAndOpen();
  }

  void LoseFile() {
    if (random_() % 2 == 0) {
      fs::remove(path_);
    } else {
      fs::rename(path_, path_ + ".moved");
      fs::copy_file(backup_path_, path_);
    }
    EXPECT_THAT(store_->Enrol(EnrolmentOf("nobody", {ReferenceNamed("of nobody")}), {}),
                FailsWith(Reason::STORE_FAILED));
    EXPECT_THAT(store_->ListPersons("", 1), FailsWith(Reason::STORE_FAILED));
    store_.reset();
    RestoreAndOpen();
  }

  void CopyBackupOverKilled() {
    LeaveAsKilled();
    const bool has_log = fs::file_size(path_ + "-wal") > 0;
    fs::copy_file(backup_path_, path_, fs::copy_options::overwrite_existing);
    auto opened = OpenSqliteStore(path_, ProtectionBy(1));
    if (opened.ok()) {
      EXPECT_FALSE(has_log);
      store_ = *std::move(opened);
      persons_ = *backup_;
      history_.clear();
      return;
    }
    EXPECT_THAT(opened.status(), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("gallery restore")));
    RestoreAndOpen();
  }

  std::mt19937 random_;
  std::string path_ = UniquePath("gallery.db");
  const std::string backup_path_ = UniquePath("backup.db");
  std::unique_ptr<Store> store_;
  Persons persons_;
  std::optional<Persons> backup_;
  std::string history_;
  int number_ = 0;
};

TEST(SqliteWalkTest, EndsWithJustThePeopleWhomItShouldHaveWhateverHappens) {
  const unsigned seed = 20261128;
  Walk walk(seed);
  for (int step = 0; step < Steps() && !testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    walk.Step();
    if (!testing::Test::HasFailure()) walk.Check();
  }
}

}  // namespace
}  // namespace likeness
