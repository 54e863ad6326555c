#include "server/access/mismatch_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

constexpr MismatchLimits kLimits{.caller_and_person = 10, .person = 40, .caller = 600};

Caller Named(const std::string& name) { return {.name = name, .limits = {}}; }

// Keeps debts in memory, as a database would for several servers.
class MemoryLedger : public MismatchLedger {
 public:
  explicit MemoryLedger(const absl::Time& now) : now_(now) {}

  absl::StatusOr<std::vector<MismatchDebt>> Add(absl::Span<const MismatchDebt> more) override {
    absl::MutexLock lock(&mutex_);
    if (fails_) return MakeError(Reason::STORE_FAILED, "the store is away");
    std::vector<MismatchDebt> debts;
    for (const MismatchDebt& debt : more) {
      absl::Time& until = until_.try_emplace(debt.key, now_).first->second;
      until = std::max(until, now_) + debt.debt;
      debts.push_back({debt.key, until - now_});
    }
    return debts;
  }
  absl::StatusOr<std::vector<MismatchDebt>> ReadSince(int64_t& mark) override {
    absl::MutexLock lock(&mutex_);
    ++reads_;
    if (fails_ || reads_fail_) return MakeError(Reason::STORE_FAILED, "the store is away");
    ++mark;
    std::vector<MismatchDebt> debts;
    for (const auto& [key, until] : until_) debts.push_back({key, until - now_});
    return debts;
  }
  bool shared() const override { return true; }

  void set_fails(bool fails) {
    absl::MutexLock lock(&mutex_);
    fails_ = fails;
  }
  void set_reads_fail(bool fail) {
    absl::MutexLock lock(&mutex_);
    reads_fail_ = fail;
  }
  void AwaitReads(int more) {
    absl::MutexLock lock(&mutex_);
    const int enough = reads_ + more;
    const auto there = [&] { return reads_ >= enough; };
    mutex_.Await(absl::Condition(&there));
  }
  void Jump(absl::Time& time_of_day, absl::Duration by) {
    absl::MutexLock lock(&mutex_);
    time_of_day += by;
  }
  std::vector<MismatchDebt> All() const {
    absl::MutexLock lock(&mutex_);
    std::vector<MismatchDebt> debts;
    for (const auto& [key, until] : until_) debts.push_back({key, until - now_});
    return debts;
  }
  int64_t size() const {
    absl::MutexLock lock(&mutex_);
    return static_cast<int64_t>(until_.size());
  }

 private:
  const absl::Time& now_;
  mutable absl::Mutex mutex_;
  std::map<MismatchKey, absl::Time> until_ ABSL_GUARDED_BY(mutex_);
  bool fails_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_fail_ ABSL_GUARDED_BY(mutex_) = false;
  int reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

class MismatchBudgetTest : public testing::Test {
 protected:
  // Whether the face was compared at all.
  static bool Try(MismatchBudget& budget, const Caller& caller, const std::string& person, bool matches = false) {
    absl::StatusOr<MismatchBudget::Look> look = budget.Begin(caller, person);
    if (look.ok() && !matches) look->Count();
    return look.ok();
  }
  bool Try(const std::string& caller, const std::string& person, bool matches = false) {
    return Try(budget_, Named(caller), person, matches);
  }
  int TryUntilStopped(const std::string& caller, const std::string& person) {
    int tries = 0;
    while (tries < 10'000 && Try(caller, person)) ++tries;
    return tries;
  }
  absl::Duration WaitOf(const std::string& caller, const std::string& person) {
    const auto look = budget_.Begin(Named(caller), person);
    return look.ok() ? absl::ZeroDuration() : RetryAfterOf(look.status()).value_or(absl::InfiniteDuration());
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  MismatchBudget budget_{kLimits, nullptr, [this] { return now_; }};
};

TEST_F(MismatchBudgetTest, StopsACallerWhoTriesFacesAtAPerson) {
  EXPECT_EQ(TryUntilStopped("kiosk", "ada"), 10);
  EXPECT_THAT(budget_.Begin(Named("kiosk"), "ada"), FailsWith(Reason::TOO_MANY_MISMATCHES, ""));
  EXPECT_EQ(WaitOf("kiosk", "ada"), absl::Minutes(6));
  now_ += absl::Minutes(6);
  EXPECT_EQ(TryUntilStopped("kiosk", "ada"), 1);
  now_ += absl::Hours(5);
  EXPECT_EQ(TryUntilStopped("kiosk", "ada"), 10) << "never more at once";
}

// A match once gave all guesses back: of the caller's own face, under a lenient threshold, between any two of them.
TEST_F(MismatchBudgetTest, AMatchGivesNothingBack) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(Try("kiosk", "ada"));
    EXPECT_EQ(Try("kiosk", "ada", /*matches=*/true), i < 9);
  }
  EXPECT_FALSE(Try("kiosk", "ada", /*matches=*/true));
}

TEST_F(MismatchBudgetTest, ACallerWhoTriesForeverSlowsNobodyElse) {
  for (int day = 0; day < 3; ++day) {
    for (int minute = 0; minute < 24 * 60; ++minute) {
      Try("attacker", "ada");
      EXPECT_TRUE(Try("door", "ada", /*matches=*/true));
      now_ += absl::Minutes(1);
    }
  }
  EXPECT_EQ(TryUntilStopped("door", "ada"), 10);
}

TEST_F(MismatchBudgetTest, ManyCallersTogetherAreStoppedByThePersonsBudget) {
  int tries = 0;
  for (int caller = 0; caller < 20; ++caller) tries += TryUntilStopped(absl::StrCat("stolen-", caller), "ada");
  EXPECT_EQ(tries, 40);
  EXPECT_TRUE(Try("stolen-0", "bob"));
}

TEST_F(MismatchBudgetTest, ACallerWhoTriesAFaceAtEverybodyIsStoppedByTheCallersBudget) {
  int tries = 0;
  while (tries < 10'000 && Try("attacker", absl::StrCat("person-", tries))) ++tries;
  EXPECT_EQ(tries, 600);
  EXPECT_FALSE(budget_.Begin(Named("attacker")).ok());
  EXPECT_TRUE(Try("door", "person-1"));
}

TEST_F(MismatchBudgetTest, AKiosksOwnBudgetIsItsTokens) {
  Caller kiosk = Named("kiosk");
  kiosk.limits.mismatches = 2000;
  int tries = 0;
  while (tries < 10'000 && Try(budget_, kiosk, absl::StrCat("person-", tries))) ++tries;
  EXPECT_EQ(tries, 2000);
}

// Whoever is rejected now and then must not be locked out.
TEST_F(MismatchBudgetTest, APersonRejectedTwoTimesInAHundredTenTimesADayForAYearNeverWaits) {
  std::mt19937 random(1);
  std::bernoulli_distribution rejected(0.02);
  for (int day = 0; day < 365; ++day) {
    for (int call = 0; call < 10; ++call) {
      // Whoever is rejected tries again at once.
      bool matches = false;
      while (!matches) {
        matches = !rejected(random);
        ASSERT_TRUE(Try("door", "ada", matches)) << day;
        now_ += absl::Seconds(5);
      }
      now_ += absl::Minutes(20);
    }
    now_ += absl::Hours(20);
  }
}

TEST_F(MismatchBudgetTest, ManyAtOnceAreNoMoreThanManyInARow) {
  std::vector<MismatchBudget::Look> looks;
  while (looks.size() < 100) {
    absl::StatusOr<MismatchBudget::Look> look = budget_.Begin(Named("kiosk"), "ada");
    if (!look.ok()) break;
    looks.push_back(*std::move(look));
  }
  EXPECT_EQ(looks.size(), 10);
  looks.clear();
  EXPECT_EQ(TryUntilStopped("kiosk", "ada"), 10) << "what found no face, or matched, costs nothing";
}

TEST_F(MismatchBudgetTest, ATimeOfDayThatJumpsGivesNothingBack) {
  absl::Time time_of_day = now_;
  MemoryLedger ledger(time_of_day);
  MismatchBudget budget(kLimits, &ledger, [this] { return now_; });
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Try(budget, Named("kiosk"), "ada"));
  ledger.Jump(time_of_day, absl::Hours(100));  // the ledger has forgotten all of it
  EXPECT_FALSE(Try(budget, Named("kiosk"), "ada"));
  EXPECT_TRUE(Try(budget, Named("kiosk"), "bob")) << "and this look asks the ledger";
  EXPECT_FALSE(Try(budget, Named("kiosk"), "ada"));
}

// What had been written was written once more where the read behind it failed, and people waited twice as long.
TEST_F(MismatchBudgetTest, AMismatchIsWrittenOnceThoughReadingFails) {
  MemoryLedger ledger(now_);
  {
    MismatchBudget budget(kLimits, &ledger, [this] { return now_; });
    ledger.set_reads_fail(true);
    EXPECT_TRUE(Try(budget, Named("kiosk"), "ada"));
    ledger.AwaitReads(2);
  }
  for (const MismatchDebt& debt : ledger.All()) EXPECT_LE(debt.debt, absl::Minutes(6));
}

TEST_F(MismatchBudgetTest, ARestartForgetsNothing) {
  MemoryLedger ledger(now_);
  {
    MismatchBudget before(kLimits, &ledger, [this] { return now_; });
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Try(before, Named("kiosk"), "ada"));
  }
  MismatchBudget after(kLimits, &ledger, [this] { return now_; });
  EXPECT_FALSE(Try(after, Named("kiosk"), "ada"));
  EXPECT_TRUE(Try(after, Named("kiosk"), "bob"));
}

TEST_F(MismatchBudgetTest, TwoServersHaveOneBudget) {
  MemoryLedger ledger(now_);
  MismatchBudget here(kLimits, &ledger, [this] { return now_; });
  MismatchBudget there(kLimits, &ledger, [this] { return now_; });
  int tries = 0;
  for (int i = 0; i < 100; ++i) tries += Try(i % 2 == 0 ? here : there, Named("kiosk"), "ada") ? 1 : 0;
  EXPECT_GE(tries, 10);
  EXPECT_LE(tries, 11) << "the one that was not told yet lets one more in";
}

TEST_F(MismatchBudgetTest, AStoreThatIsAwayStopsNobodyAndHearsOfItLater) {
  MemoryLedger ledger(now_);
  ledger.set_fails(true);
  {
    MismatchBudget budget(kLimits, &ledger, [this] { return now_; });
    int tries = 0;
    while (tries < 100 && Try(budget, Named("kiosk"), "ada")) ++tries;
    EXPECT_EQ(tries, 10);
    ledger.set_fails(false);
  }
  MismatchBudget after(kLimits, &ledger, [this] { return now_; });
  EXPECT_FALSE(Try(after, Named("kiosk"), "ada"));
}

TEST_F(MismatchBudgetTest, AMatchWritesNothing) {
  MemoryLedger ledger(now_);
  {
    MismatchBudget budget(kLimits, &ledger, [this] { return now_; });
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(Try(budget, Named("kiosk"), "ada", /*matches=*/true));
  }
  EXPECT_EQ(ledger.size(), 0);
}

TEST(MismatchBudgetOffTest, StopsNobody) {
  MismatchBudget budget;
  for (int i = 0; i < 1000; ++i) {
    absl::StatusOr<MismatchBudget::Look> look = budget.Begin(Named("kiosk"), "ada");
    ASSERT_THAT(look, IsOk());
    look->Count();
  }
}

}  // namespace
}  // namespace likeness
