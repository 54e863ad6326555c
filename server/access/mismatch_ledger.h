// Where mismatches are kept for good, so that neither a restart nor another server forgets them.
#ifndef LIKENESS_SERVER_ACCESS_MISMATCH_LEDGER_H_
#define LIKENESS_SERVER_ACCESS_MISMATCH_LEDGER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace likeness {

// Whose mismatches are counted together: a hash that names nobody.
using MismatchKey = std::array<uint8_t, 16>;

// How long it takes until all mismatches of a key are forgotten.
struct MismatchDebt {
  MismatchKey key{};
  absl::Duration debt;
};

// Thread-safe. Times are by the clock of whatever keeps it, the same for all servers. All methods may return
// STORE_FAILED.
class MismatchLedger {
 public:
  virtual ~MismatchLedger() = default;

  // Adds to the debts, which are on disk then, and returns what they come to, in the same order.
  virtual absl::StatusOr<std::vector<MismatchDebt>> Add(absl::Span<const MismatchDebt> more) = 0;

  // All that others or an earlier run have added since `mark`, and were added a moment before it; moves it on. From 0:
  // all that are not forgotten.
  virtual absl::StatusOr<std::vector<MismatchDebt>> ReadSince(int64_t& mark) = 0;

  // Whether others may add to it.
  virtual bool shared() const = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_MISMATCH_LEDGER_H_
