#include "server/gallery/protection_upkeep.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

constexpr int kPage = 100;
// Each takes some statements, while nobody else writes.
constexpr int kPersonsAtOnce = 40;
constexpr absl::Duration kBetweenTries = absl::Seconds(5);
constexpr absl::Duration kBetweenReports = absl::Seconds(10);

}  // namespace

absl::StatusOr<int64_t> RotateAllKeys(Store& store, const std::function<bool()>& stop) {
  int64_t changed = 0, damaged = 0;
  std::string after;
  while (!stop()) {
    absl::StatusOr<KeyRotation> page = store.RotateKeys(after, kPage);
    if (!page.ok()) return page.status();
    changed += page->changed;
    damaged += page->damaged;
    if (page->last.empty()) break;
    after = std::move(page->last);
  }
  if (damaged > 0) Log(LogLevel::kError, "damaged_keys_passed_over", {{"persons", damaged}});
  return changed;
}

ProtectionUpkeep::ProtectionUpkeep(Store& store, Metrics& metrics) : store_(store), metrics_(metrics) {
  const UnfinishedProtection unfinished = store_.found_unfinished();
  if (!unfinished.encryption && !unfinished.rotation) return;
  CountRest();
  thread_ = std::thread([this] { Run(); });
}

ProtectionUpkeep::~ProtectionUpkeep() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool ProtectionUpkeep::StopsWithin(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), time);
}

void ProtectionUpkeep::Run() {
  LowerThisThreadsPriority(Politeness::kModest);
  std::string complaint;
  do {
    absl::Status status;
    const absl::Status ran = RunGuarded(ThreadKind::kUpkeep, [&] { status = Finish(); });
    if (!ran.ok()) status = ran;
    if (status.ok()) return;
    // Once for each cause, not every five seconds.
    if (status.message() != complaint) {
      complaint = std::string(status.message());
      Log(LogLevel::kError, "gallery_protection_interrupted",
          {{"reason", ReasonName(ReasonOf(status))}, {"message", complaint}});
    }
  } while (!StopsWithin(kBetweenTries));
}

absl::Status ProtectionUpkeep::Finish() {
  if (absl::Status status = Encrypt(); !status.ok() || StopsWithin(absl::ZeroDuration())) return status;
  if (!store_.found_unfinished().rotation) return absl::OkStatus();
  const absl::StatusOr<int64_t> rotated = RotateAllKeys(store_, [this] { return StopsWithin(absl::ZeroDuration()); });
  if (rotated.ok() && *rotated > 0) Log(LogLevel::kInfo, "keys_rotated", {{"persons", *rotated}});
  return rotated.status();
}

absl::Status ProtectionUpkeep::Encrypt() {
  const int64_t rest = CountRest();
  if (rest != 0) Log(LogLevel::kWarning, "gallery_encryption_running", {{"persons_in_plaintext", rest}});
  int64_t encrypted = 0;
  absl::Time reported = absl::Now();
  std::string after;
  while (true) {
    const absl::Time start = absl::Now();
    absl::StatusOr<KeyRotation> page = store_.EncryptPersons(after, kPersonsAtOnce);
    if (!page.ok()) return page.status();
    // A pass from the first person on that finds nobody is the last one.
    if (page->last.empty() && after.empty()) break;
    encrypted += page->changed;
    after = std::move(page->last);
    const absl::Time end = absl::Now();
    if (end - reported > kBetweenReports) {
      reported = end;
      Log(LogLevel::kInfo, "gallery_encryption_running", {{"persons_in_plaintext", CountRest()}});
    } else {
      metrics_.SetPersonsToEncrypt(std::max<int64_t>(0, rest - encrypted));
    }
    if (StopsWithin(end - start)) return absl::OkStatus();  // enrolments get at least as much
  }
  metrics_.SetPersonsToEncrypt(0);
  if (encrypted > 0) Log(LogLevel::kInfo, "gallery_encrypted", {{"persons", encrypted}});
  return absl::OkStatus();
}

int64_t ProtectionUpkeep::CountRest() {
  const absl::StatusOr<int64_t> rest = store_.PersonsToEncrypt();
  if (rest.ok()) metrics_.SetPersonsToEncrypt(*rest);
  return rest.value_or(-1);
}

}  // namespace likeness
