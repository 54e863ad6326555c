// The mismatches of a gallery's people and callers, in a database that speaks SQL.
#ifndef LIKENESS_SERVER_GALLERY_SQL_MISMATCHES_H_
#define LIKENESS_SERVER_GALLERY_SQL_MISMATCHES_H_

#include <vector>

#include "server/access/mismatch_ledger.h"
#include "server/gallery/sql.h"

namespace likeness {

// Thread-safe, as its database is. What is forgotten is deleted when others are added.
class SqlMismatches : public MismatchLedger {
 public:
  // `database` must outlive it.
  explicit SqlMismatches(SqlDatabase& database) : database_(database) {}

  absl::StatusOr<std::vector<MismatchDebt>> Add(absl::Span<const MismatchDebt> more) override;
  absl::StatusOr<std::vector<MismatchDebt>> ReadSince(int64_t& mark) override;
  bool shared() const override { return database_.shared(); }

 private:
  SqlDatabase& database_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_MISMATCHES_H_
