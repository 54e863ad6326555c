// A database in which transactions fail as a test says: before they begin, within, at their commit, or after it.
#ifndef LIKENESS_TESTS_SUPPORT_FAULTY_DATABASE_H_
#define LIKENESS_TESTS_SUPPORT_FAULTY_DATABASE_H_

#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "server/gallery/sql.h"

namespace likeness {

// What happens to a transaction.
enum class Fault {
  kNone,
  kFails,        // before anything is done
  kBreaks,       // at one of its statements: an exception
  kCommitFails,  // after all of it was done, which is undone
  kAnswerLost,   // after it was committed
};

struct FaultPlan {
  static constexpr int kEvery = -1;

  Fault fault = Fault::kNone;
  int transaction = kEvery;  // which fails, counted from 0, those that only read too
  int statement = 0;         // of kBreaks: how many of the transaction's statements pass
  bool for_good = false;     // every later transaction fails too, as if the process had ended

  // What has happened.
  int transactions = 0;  // begun, or failed before they were
  bool struck = false;
};

// Not thread-safe, nor may the plan change during a transaction.
class FaultyDatabase : public SqlDatabase {
 public:
  FaultyDatabase(std::unique_ptr<SqlDatabase> database, std::shared_ptr<FaultPlan> plan)
      : database_(std::move(database)), plan_(std::move(plan)) {}

  absl::Status Read(Work work) override;
  absl::Status Write(Work work) override;
  absl::Status Erase(Work work) override;
  bool shared() const override { return database_->shared(); }
  void AwaitChange(absl::Duration limit) override { database_->AwaitChange(limit); }

 private:
  absl::Status Run(absl::FunctionRef<absl::Status(Work)> transact, Work work);

  const std::unique_ptr<SqlDatabase> database_;
  const std::shared_ptr<FaultPlan> plan_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_FAULTY_DATABASE_H_
