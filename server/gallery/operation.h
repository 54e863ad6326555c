// Long operations on a gallery, as it remembers them: any server can be asked for one, and can cancel it.
#ifndef LIKENESS_SERVER_GALLERY_OPERATION_H_
#define LIKENESS_SERVER_GALLERY_OPERATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/verification/embedding.h"

namespace likeness {

enum class OperationKind : int64_t {
  kActivation = 1,   // of the model that is its subject
  kKeyRotation = 2,  // every person's key is wrapped with the master key that wraps now
};

enum class OperationState : int64_t { kRunning = 0, kSucceeded = 1, kFailed = 2, kCancelled = 3 };

struct OperationProgress {
  int64_t done = 0;     // references that are embedded, persons looked at
  int64_t total = 0;    // as far as is known
  int64_t changed = 0;  // keys that were wrapped by another master key; nothing of an activation

  friend bool operator==(const OperationProgress&, const OperationProgress&) = default;
};

struct OperationRecord {
  std::string name;  // 32 lower-case hex digits
  OperationKind kind = OperationKind::kActivation;
  std::optional<ModelDigest> subject = {};
  OperationState state = OperationState::kRunning;
  OperationProgress progress = {};
  bool cancel_requested = false;
  std::string server = {};      // the name of the one that works on it, or did last
  bool begun = false;           // whether it was begun by the call that returned it
  bool held = false;            // whether a server works on it now: its lease has not expired
  absl::Time create_time = {};  // all three by the database's clock
  absl::Time update_time = {};
  absl::Status error = {};  // why it failed or was cancelled
  int64_t revision = 0;     // of the gallery, once an activation has succeeded
};

// Who works on an operation.
struct OperationOwner {
  std::string id;    // of this run of the server
  std::string name;  // of its host, for people
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_OPERATION_H_
