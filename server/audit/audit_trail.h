// Who did what to whom: one line for each Verify and for each call that changes something or gives data out.
//
//   {"time":"2026-11-24T10:00:00.123456Z","caller":"kiosk-3","method":"Verify","result":"different","person":"2bd806c9…",
//    "model":"5d0c…"}
//
// `person` is the first 16 bytes of a SHA-256 over the person_id, so that whoever knows an id finds its lines. No
// photos, no embeddings, no ids.
#ifndef LIKENESS_SERVER_AUDIT_AUDIT_TRAIL_H_
#define LIKENESS_SERVER_AUDIT_AUDIT_TRAIL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace spdlog {
class logger;
}  // namespace spdlog

namespace likeness {

inline constexpr char kAuditToStandardOutput[] = "stdout";

struct AuditOptions {
  std::string file;              // empty: no trail; kAuditToStandardOutput
  int64_t max_bytes = 64 << 20;  // after which a file is put aside as FILE.1, and what was FILE.1 as FILE.2…
  int kept_files = 9;            // put aside at most
};

struct AuditEntry {
  absl::string_view method;
  absl::string_view caller;           // the name of its token; may be empty
  absl::string_view person_id;        // empty where it is about nobody
  absl::Status status;                // what was answered
  std::optional<bool> verified = {};  // the verdict, where there was one
  std::string model = {};             // the digest of the model, where there was one
};

// Thread-safe. A line has left this process when Record() returns; one that cannot be written is an error in the log.
class AuditTrail {
 public:
  // FAILED_PRECONDITION when the file cannot be written. Only its owner may read it.
  static absl::StatusOr<std::unique_ptr<AuditTrail>> Open(const AuditOptions& options);

  void Record(const AuditEntry& entry) const;

 private:
  explicit AuditTrail(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

  const std::shared_ptr<spdlog::logger> logger_;  // null: no trail
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_AUDIT_AUDIT_TRAIL_H_
