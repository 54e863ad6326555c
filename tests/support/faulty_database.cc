#include "tests/support/faulty_database.h"

#include <stdexcept>
#include <vector>

#include "server/errors/errors.h"

namespace likeness {
namespace {

// Breaks off after so many statements.
class BreakingSession : public SqlSession {
 public:
  BreakingSession(SqlSession& session, FaultPlan& plan) : session_(session), plan_(plan), left_(plan.statement) {}

  std::vector<SqlRow> Run(const char* sql, const std::vector<SqlValue>& parameters) override {
    Count();
    return session_.Run(sql, parameters);
  }
  int64_t Change(const char* sql, const std::vector<SqlValue>& parameters) override {
    Count();
    return session_.Change(sql, parameters);
  }

 private:
  void Count() {
    if (left_-- != 0) return;
    plan_.struck = true;
    throw std::runtime_error("an injected fault");
  }

  SqlSession& session_;
  FaultPlan& plan_;
  int left_;
};

}  // namespace

absl::Status FaultyDatabase::Run(absl::FunctionRef<absl::Status(Work)> transact, Work work) {
  const absl::Status lost = MakeError(Reason::STORE_FAILED, "an injected fault");
  FaultPlan& plan = *plan_;
  const int number = plan.transactions++;
  if (plan.for_good && plan.struck) return lost;
  if (plan.transaction != FaultPlan::kEvery && plan.transaction != number) return transact(work);
  switch (plan.fault) {
    case Fault::kNone:
      return transact(work);
    case Fault::kFails:
      plan.struck = true;
      return lost;
    case Fault::kBreaks:
      return transact([&](SqlSession& session) {
        BreakingSession breaking(session, plan);
        return work(breaking);
      });
    case Fault::kCommitFails:
      return transact([&](SqlSession& session) {
        if (absl::Status status = work(session); !status.ok()) return status;
        plan.struck = true;
        return lost;
      });
    case Fault::kAnswerLost:
      if (absl::Status status = transact(work); !status.ok()) return status;
      plan.struck = true;
      return lost;
  }
  return lost;
}

absl::Status FaultyDatabase::Read(Work work) {
  return Run([this](Work inner) { return database_->Read(inner); }, work);
}

absl::Status FaultyDatabase::Write(Work work) {
  return Run([this](Work inner) { return database_->Write(inner); }, work);
}

absl::Status FaultyDatabase::Erase(Work work) {
  return Run([this](Work inner) { return database_->Erase(inner); }, work);
}

}  // namespace likeness
