#include "server/access/mismatch_budget.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/hashing/sha256.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

constexpr absl::Duration kPeriod = absl::Hours(1);
constexpr size_t kMostAccounts = 1'000'000;
// How long an answer waits for the ledger, which takes milliseconds where all is well.
constexpr absl::Duration kWriteWait = absl::Milliseconds(100);
constexpr absl::Duration kBetweenReads = absl::Seconds(1);

}  // namespace

MismatchBudget::MismatchBudget(const MismatchLimits& limits, MismatchLedger* ledger,
                               std::function<absl::Time()> steady_now)
    : limits_(limits), ledger_(ledger), now_(std::move(steady_now)) {
  if (ledger_ == nullptr) return;
  // What an earlier run has counted, before anybody is let in. Where that fails the thread tries again.
  int64_t mark = 0;
  if (const absl::StatusOr<std::vector<MismatchDebt>> debts = ledger_->ReadSince(mark); debts.ok()) Merge(*debts);
  writer_ = std::thread([this] { RunGuarded(ThreadKind::kUpkeep, [this] { Write(); }).IgnoreError(); });
}

MismatchBudget::~MismatchBudget() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (writer_.joinable()) writer_.join();
}

MismatchBudget::Look::~Look() {
  if (budget_ != nullptr) budget_->End(entries_);
}

void MismatchBudget::Look::Count() {
  MismatchBudget* const budget = std::exchange(budget_, nullptr);
  if (budget != nullptr) budget->Count(entries_);
}

MismatchBudget::Look::Entry MismatchBudget::EntryOf(absl::string_view kind, absl::string_view caller,
                                                    absl::string_view person_id, int64_t hourly) const {
  if (hourly <= 0) return {};
  FieldHasher hasher;
  hasher.Add(kind);
  hasher.Add(caller);
  hasher.Add(person_id);
  const Sha256Digest digest = hasher.Finish();
  Look::Entry entry{.key = {}, .cost = kPeriod / hourly};
  std::copy_n(digest.begin(), entry.key.size(), entry.key.begin());
  return entry;
}

absl::StatusOr<MismatchBudget::Look> MismatchBudget::Begin(const Caller& caller, absl::string_view person_id) {
  return Begin(Look::Entries{EntryOf("pair", caller.who(), person_id, limits_.caller_and_person),
                             EntryOf("person", "", person_id, limits_.person),
                             EntryOf("caller", caller.who(), "", caller.limits.mismatches.value_or(limits_.caller))});
}

absl::StatusOr<MismatchBudget::Look> MismatchBudget::Begin(const Caller& caller) {
  return Begin(Look::Entries{Look::Entry{}, Look::Entry{},
                             EntryOf("caller", caller.who(), "", caller.limits.mismatches.value_or(limits_.caller))});
}

absl::StatusOr<MismatchBudget::Look> MismatchBudget::Begin(const Look::Entries& entries) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  absl::Duration wait;
  for (const Look::Entry& entry : entries) {
    if (entry.cost == absl::ZeroDuration()) continue;
    const auto found = accounts_.find(entry.key);
    if (found == accounts_.end()) continue;
    const absl::Duration debt =
        std::max(found->second.until - now, absl::ZeroDuration()) + found->second.looks * entry.cost;
    wait = std::max(wait, debt + entry.cost - kPeriod);
  }
  if (wait > absl::ZeroDuration()) {
    return WithRetryDelay(
        MakeError(Reason::TOO_MANY_MISMATCHES,
                  "too many faces were not the person's; wait before the next one (--person-mismatches, "
                  "--caller-person-mismatches, --caller-mismatches)"),
        wait);
  }
  for (const Look::Entry& entry : entries) {
    if (entry.cost == absl::ZeroDuration()) continue;
    if (accounts_.size() >= kMostAccounts) DropForgotten();
    ++accounts_.try_emplace(entry.key, Account{now}).first->second.looks;
  }
  return Look(this, entries);
}

void MismatchBudget::DropForgotten() {
  const absl::Time now = now_();
  absl::erase_if(accounts_, [now](const auto& entry) { return entry.second.looks == 0 && entry.second.until <= now; });
  if (accounts_.size() < kMostAccounts) return;
  // More than the budgets allow to exist: whichever it hits.
  const auto idle =
      std::find_if(accounts_.begin(), accounts_.end(), [](const auto& entry) { return entry.second.looks == 0; });
  if (idle != accounts_.end()) accounts_.erase(idle);
}

void MismatchBudget::End(const Look::Entries& entries) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  for (const Look::Entry& entry : entries) {
    const auto found = accounts_.find(entry.key);
    if (entry.cost == absl::ZeroDuration() || found == accounts_.end()) continue;
    if (--found->second.looks == 0 && found->second.until <= now) accounts_.erase(found);
  }
}

void MismatchBudget::Count(const Look::Entries& entries) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  bool counts = false;
  for (const Look::Entry& entry : entries) {
    if (entry.cost == absl::ZeroDuration()) continue;
    counts = true;
    Account& account = accounts_.try_emplace(entry.key, Account{now, 1}).first->second;
    --account.looks;
    account.until = std::max(account.until, now) + entry.cost;
    if (ledger_ != nullptr) unwritten_[entry.key] += entry.cost;
  }
  if (!counts || ledger_ == nullptr) return;
  const int64_t mine = ++counted_;
  if (behind_) return;
  const auto written = [&] { return written_ >= mine || behind_; };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&written), kWriteWait)) behind_ = true;
}

void MismatchBudget::Write() {
  int64_t mark = 0;
  bool failed = false;
  while (true) {
    bool stopping = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &MismatchBudget::HasWorkOrStops), kBetweenReads);
      stopping = stopping_;
    }
    absl::Status status = WriteOnce();
    if (status.ok() && (mark == 0 || ledger_->shared())) status = ReadOnce(mark);
    // Once, not every second.
    if (!status.ok() && !failed) {
      Log(LogLevel::kError, "mismatches_not_kept", {{"message", std::string(status.message())}});
    }
    failed = !status.ok();
    if (stopping) return;
    if (!failed) continue;
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kBetweenReads);
  }
}

absl::Status MismatchBudget::WriteOnce() {
  std::vector<MismatchDebt> more;
  int64_t counted = 0;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, debt] : unwritten_) more.push_back({key, debt});
    unwritten_.clear();
    counted = counted_;
  }
  if (more.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<MismatchDebt>> debts = ledger_->Add(more);
  if (debts.ok()) Merge(*debts);
  absl::MutexLock lock(&mutex_);
  behind_ = !debts.ok();
  if (debts.ok()) {
    written_ = counted;
  } else {
    for (const MismatchDebt& debt : more) unwritten_[debt.key] += debt.debt;
  }
  return debts.status();
}

absl::Status MismatchBudget::ReadOnce(int64_t& mark) {
  const absl::StatusOr<std::vector<MismatchDebt>> debts = ledger_->ReadSince(mark);
  if (debts.ok()) Merge(*debts);
  return debts.status();
}

void MismatchBudget::Merge(absl::Span<const MismatchDebt> debts) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  for (const MismatchDebt& debt : debts) {
    if (debt.debt <= absl::ZeroDuration()) continue;
    if (accounts_.size() >= kMostAccounts) DropForgotten();
    absl::Time& until = accounts_.try_emplace(debt.key, Account{now}).first->second.until;
    until = std::max(until, now + debt.debt);
  }
}

}  // namespace likeness
