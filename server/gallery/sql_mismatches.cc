#include "server/gallery/sql_mismatches.h"

#include <algorithm>

#include "server/gallery/sql_values.h"

namespace likeness {
namespace {

// Transactions end in another order than they begin in.
constexpr int64_t kOverlapMicros = 5'000'000;

int64_t NowOf(SqlSession& session) { return IntegerIn(session.Run("SELECT now FROM database_clock").at(0)[0]); }

}  // namespace

absl::StatusOr<std::vector<MismatchDebt>> SqlMismatches::Add(absl::Span<const MismatchDebt> more) {
  std::vector<MismatchDebt> debts;
  const absl::Status status = database_.Write([&](SqlSession& session) {
    debts.clear();
    const int64_t now = NowOf(session);
    session.Change("DELETE FROM mismatch WHERE until <= $1", {now});
    for (const MismatchDebt& debt : more) {
      const SqlRow row =
          session
              .Run(
                  "INSERT INTO mismatch (subject, until, changed) VALUES ($1, $2, $3) ON CONFLICT (subject) DO UPDATE "
                  "SET until = mismatch.until + $4, changed = $3 RETURNING until",
                  {Bytes(AsText(debt.key)), now + absl::ToInt64Microseconds(debt.debt), now,
                   absl::ToInt64Microseconds(debt.debt)})
              .at(0);
      debts.push_back({debt.key, absl::Microseconds(IntegerIn(row[0]) - now)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return debts;
}

absl::StatusOr<std::vector<MismatchDebt>> SqlMismatches::ReadSince(int64_t& mark) {
  std::vector<MismatchDebt> debts;
  int64_t now = 0;
  const absl::Status status = database_.Read([&](SqlSession& session) {
    debts.clear();
    now = NowOf(session);
    for (const SqlRow& row : session.Run("SELECT subject, until FROM mismatch WHERE changed >= $1 AND until > $2",
                                         {std::max<int64_t>(0, mark - kOverlapMicros), now})) {
      debts.push_back({ArrayIn<MismatchKey>(row[0]), absl::Microseconds(IntegerIn(row[1]) - now)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  mark = now;
  return debts;
}

}  // namespace likeness
