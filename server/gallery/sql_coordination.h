// What the servers of a gallery agree on, in a database that speaks SQL.
#ifndef LIKENESS_SERVER_GALLERY_SQL_COORDINATION_H_
#define LIKENESS_SERVER_GALLERY_SQL_COORDINATION_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "server/gallery/coordination.h"
#include "server/gallery/coordination_rows.h"
#include "server/gallery/sql.h"

namespace likeness {

// Thread-safe, as its database is.
class SqlCoordination : public Coordination {
 public:
  // `may_write` is asked first by every transaction that writes. `database` must outlive it.
  SqlCoordination(SqlDatabase& database, std::function<absl::Status(SqlSession&)> may_write)
      : database_(database), may_write_(std::move(may_write)) {}

  absl::StatusOr<ModelChoice> ReadModelChoice() override;
  absl::StatusOr<GalleryServers> Report(const ServerRecord& self) override;
  absl::Status Leave(absl::string_view server_id) override;
  absl::StatusOr<BegunActivation> BeginActivation(const ActivationRequest& request,
                                                  const OperationOwner& owner) override;
  absl::StatusOr<SwitchResult> Switch(const SwitchRequest& request, const OperationOwner& owner) override;
  absl::StatusOr<int64_t> RetireModel(const ModelDigest& model, const ModelDigest& base) override;
  absl::StatusOr<OperationRecord> BeginKeyRotation(const OperationOwner& owner) override;
  absl::StatusOr<OperationRecord> RenewOperation(absl::string_view name, const OperationOwner& owner,
                                                 const OperationProgress& progress) override;
  absl::StatusOr<OperationRecord> TakeOperation(absl::string_view name, const OperationOwner& owner) override;
  absl::Status ReleaseOperation(absl::string_view name, const OperationOwner& owner) override;
  absl::Status EndOperation(absl::string_view name, const OperationOwner& owner, const OperationProgress& progress,
                            const absl::Status& outcome) override;
  absl::StatusOr<OperationRecord> GetOperation(absl::string_view name) override;
  absl::StatusOr<std::vector<OperationRecord>> ListOperations() override;
  absl::StatusOr<OperationRecord> CancelOperation(absl::string_view name) override;

 private:
  // The database's methods for work with a result, which hears what time it is there.
  template <typename Result>
  absl::StatusOr<Result> Read(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&, absl::Time)> work);
  template <typename Result>
  absl::StatusOr<Result> Write(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&, absl::Time)> work);

  // Changes the choice by an event that its stage allows, and records that; returns the revision after it.
  int64_t Change(SqlSession& session, ModelChoice choice, ModelStage next);
  // To whether all follow.
  void Settle(SqlSession& session, absl::Time now);
  // Ends an operation that runs; an activation leaves the active model unless it succeeded.
  void End(SqlSession& session, OperationRow row, const absl::Status& outcome, absl::Time now);

  SqlDatabase& database_;
  const std::function<absl::Status(SqlSession&)> may_write_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_COORDINATION_H_
