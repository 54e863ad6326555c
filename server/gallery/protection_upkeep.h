// Finishes, beside the calls, what an interruption left unfinished of a gallery's protection.
#ifndef LIKENESS_SERVER_GALLERY_PROTECTION_UPKEEP_H_
#define LIKENESS_SERVER_GALLERY_PROTECTION_UPKEEP_H_

#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/store.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// One pass of RotateKeys() from the first person to the last. How many keys were wrapped anew.
absl::StatusOr<int64_t> RotateAllKeys(
    Store& store, const std::function<bool()>& stop = [] { return false; });

// Encrypts everybody who is still in plaintext, then finishes a rotation of keys, on a thread of low priority that
// writes at most half of the time. Tries again every few seconds while the store fails. Does nothing where the store
// found nothing unfinished.
class ProtectionUpkeep {
 public:
  // Both must outlive it.
  ProtectionUpkeep(Store& store, Metrics& metrics);
  // Returns within a page; another start goes on where it ended.
  ~ProtectionUpkeep();

 private:
  void Run();
  // OK also when it was stopped.
  absl::Status Finish();
  absl::Status Encrypt();
  // What is left, for the metric. Returns it, or -1 where it could not be counted.
  int64_t CountRest();
  // Waits so long, or until it is to stop; returns whether it is.
  bool StopsWithin(absl::Duration time);

  Store& store_;
  Metrics& metrics_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_PROTECTION_UPKEEP_H_
