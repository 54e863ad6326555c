#include "server/gallery/sql_coordination.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/gallery_rows.h"
#include "server/hashing/random_id.h"

namespace likeness {
namespace {

constexpr absl::Duration kRemembered = absl::Hours(7 * 24);

absl::Status Lost() { return absl::AbortedError("another server works on the operation, or it has ended"); }

absl::Status OperationNotFound() {
  return MakeError(Reason::OPERATION_NOT_FOUND, "the gallery has no operation of this name");
}

// The operation, if it is this owner's and has not ended.
absl::StatusOr<OperationRow> OwnOperation(SqlSession& session, absl::string_view name, const OperationOwner& owner,
                                          absl::Time now) {
  std::optional<OperationRow> row = ReadOperation(session, name, now);
  if (!row.has_value() || row->record.state != OperationState::kRunning || row->owner != owner.id) return Lost();
  return *std::move(row);
}

void Hold(OperationRow& row, const OperationOwner& owner, absl::Time now) {
  row.owner = owner.id;
  row.record.server = owner.name;
  row.lease_until = now + kOperationLease;
  row.record.update_time = now;
  row.record.held = true;
}

OperationRow NewOperation(OperationKind kind, const OperationOwner& owner, absl::Time now) {
  OperationRow row;
  row.record.name = RandomId();
  row.record.kind = kind;
  row.record.create_time = now;
  Hold(row, owner, now);
  return row;
}

bool IsPrepared(const ServerRecord& server, const ModelDigest& target) {
  // One that does not answer calls yet looks at the choice again before it does.
  return !server.answers.has_value() || server.answers == target || server.prepared == target || server.lacks == target;
}

}  // namespace

bool IsOperationLost(const absl::Status& status) {
  return absl::IsAborted(status) && ReasonOf(status) == Reason::INTERNAL;
}

template <typename Result>
absl::StatusOr<Result> SqlCoordination::Read(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&, absl::Time)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status =
      database_.Read([&](SqlSession& session) { return (result = work(session, DatabaseTime(session))).status(); });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlCoordination::Write(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&, absl::Time)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_.Write([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = may_write_(session); !may.ok()) return may;
    return (result = work(session, DatabaseTime(session))).status();
  });
  return status.ok() ? std::move(result) : status;
}

absl::StatusOr<ModelChoice> SqlCoordination::ReadModelChoice() {
  return Read<ModelChoice>(
      [](SqlSession& session, absl::Time) -> absl::StatusOr<ModelChoice> { return ReadChoice(session); });
}

int64_t SqlCoordination::Change(SqlSession& session, ModelChoice choice, ModelStage next) {
  choice.stage = next;
  if (next != ModelStage::kEmbedding) {
    choice.target.reset();
    choice.leave_behind = false;
    choice.operation.clear();
  }
  WriteChoice(session, choice);
  return RecordModelsChange(session, database_.shared());
}

void SqlCoordination::Settle(SqlSession& session, absl::Time now) {
  const ModelChoice choice = ReadChoice(session);
  bool all_follow = true;
  for (const ServerRecord& server : ReadServersSince(session, now - kServerExpiry)) {
    // Where nothing is chosen, each server's --model is what it should answer by.
    const std::optional<ModelDigest> due = choice.active.has_value() ? choice.active : server.base;
    all_follow = all_follow && (!server.answers.has_value() || server.answers == due);
  }
  const ModelTransition transition =
      TransitionFor(choice.stage, all_follow ? ModelEvent::kAllFollow : ModelEvent::kLags);
  if (transition.next != choice.stage) Change(session, choice, transition.next);
}

absl::StatusOr<GalleryServers> SqlCoordination::Report(const ServerRecord& self) {
  return Write<GalleryServers>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<GalleryServers> {
    PutServer(session, self, now);
    if (database_.shared()) {
      RemoveServersBefore(session, now - kServerExpiry);
    } else {
      RemoveOtherServers(session, self.id);  // of earlier runs: it is the gallery's only one
    }
    Settle(session, now);
    GalleryServers result{ReadChoice(session), ReadServersSince(session, now - kServerExpiry)};
    if (!result.choice.operation.empty()) {
      const std::optional<OperationRow> row = ReadOperation(session, result.choice.operation, now);
      // What an earlier run of the only server held, nobody holds.
      result.orphaned = !row.has_value() || !row->record.held || (!database_.shared() && row->owner != self.id);
    }
    return result;
  });
}

absl::Status SqlCoordination::Leave(absl::string_view server_id) {
  return database_.Write([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = may_write_(session); !may.ok()) return may;
    RemoveServer(session, server_id);
    Settle(session, DatabaseTime(session));
    return absl::OkStatus();
  });
}

absl::StatusOr<BegunActivation> SqlCoordination::BeginActivation(const ActivationRequest& request,
                                                                 const OperationOwner& owner) {
  return Write<BegunActivation>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<BegunActivation> {
    ModelChoice choice = ReadChoice(session);
    const ModelTransition transition = TransitionFor(choice.stage, BeginEventOf(choice, request.model, request.base));
    switch (transition.refusal) {
      case ModelRefusal::kNone:
        break;
      case ModelRefusal::kAlreadyActive:
        return BegunActivation{};
      case ModelRefusal::kAlreadyBegun: {
        std::optional<OperationRow> row = ReadOperation(session, choice.operation, now);
        if (!row.has_value()) return MakeError(Reason::STORE_CORRUPT, "the gallery lacks its activation's operation");
        return BegunActivation{row->record, /*joined=*/true};
      }
      case ModelRefusal::kAnotherRuns:
      case ModelRefusal::kSuperseded:
        return MakeError(Reason::ACTIVATION_RUNNING,
                         absl::StrCat("another model is being activated: operation ", choice.operation,
                                      "; wait for it, or cancel it with `likeness operations cancel`"));
    }
    if (!(request.model == request.base) && !ReadAllowedModel(session, request.model)) {
      return MakeError(Reason::MODEL_NOT_ALLOWED, "the model is not allowed any more");
    }
    RemoveOperationsEndedBefore(session, now - kRemembered);
    OperationRow row = NewOperation(OperationKind::kActivation, owner, now);
    row.record.subject = request.model;
    row.record.progress = request.progress;
    InsertOperation(session, row);
    choice.target = request.model;
    choice.leave_behind = request.leave_behind;
    choice.operation = row.record.name;
    Change(session, choice, transition.next);
    return BegunActivation{row.record, /*joined=*/false};
  });
}

absl::StatusOr<SwitchResult> SqlCoordination::Switch(const SwitchRequest& request, const OperationOwner& owner) {
  return Write<SwitchResult>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<SwitchResult> {
    using Outcome = SwitchResult::Outcome;
    absl::StatusOr<OperationRow> row = OwnOperation(session, request.operation, owner, now);
    if (!row.ok()) return row.status();
    if (row->record.cancel_requested) return MakeError(Reason::CANCELLED, "the activation was cancelled");
    ModelChoice choice = ReadChoice(session);
    const ModelTransition transition =
        TransitionFor(choice.stage, OwnEventOf(choice, request.operation, ModelEvent::kSwitch));
    if (transition.refusal != ModelRefusal::kNone) return Lost();
    const ModelDigest target = *choice.target;
    if (HasUnembeddedAfter(session, target, request.up_to)) return SwitchResult{Outcome::kMoreReferences};
    for (const ServerRecord& server : ReadServersSince(session, now - kServerExpiry)) {
      if (server.id != owner.id && !IsPrepared(server, target)) return SwitchResult{Outcome::kServersNotPrepared};
    }
    // The base is no choice: a server that is started with another --model shall answer with that.
    choice.active = target == request.base ? std::nullopt : std::optional(target);
    const int64_t revision = Change(session, choice, transition.next);
    row->record.progress = request.progress;
    row->record.revision = revision;
    row->record.state = OperationState::kSucceeded;
    row->record.update_time = now;
    UpdateOperation(session, *row);
    return SwitchResult{Outcome::kSwitched, revision};
  });
}

absl::StatusOr<int64_t> SqlCoordination::RetireModel(const ModelDigest& model, const ModelDigest& base) {
  return Write<int64_t>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<int64_t> {
    const ModelChoice choice = ReadChoice(session);
    bool used = model == base || choice.active == model || choice.target == model;
    for (const ServerRecord& server : ReadServersSince(session, now - kServerExpiry)) {
      used = used || server.answers == model || server.base == model;
    }
    if (used) {
      return MakeError(Reason::MODEL_IN_USE,
                       "the model is active or becoming so, or a server answers by it or was started with it");
    }
    RemoveAllowedModel(session, model);
    return RecordModelsChange(session, database_.shared(), GalleryChange::Kind::kAllowList);
  });
}

absl::StatusOr<OperationRecord> SqlCoordination::BeginKeyRotation(const OperationOwner& owner) {
  return Write<OperationRecord>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<OperationRecord> {
    if (std::optional<OperationRow> running = ReadRunningOperation(session, OperationKind::kKeyRotation, now);
        running.has_value()) {
      return running->record;
    }
    RemoveOperationsEndedBefore(session, now - kRemembered);
    OperationRow row = NewOperation(OperationKind::kKeyRotation, owner, now);
    row.record.progress.total = ReadGallery(session).size.persons;
    InsertOperation(session, row);
    row.record.begun = true;
    return row.record;
  });
}

absl::StatusOr<OperationRecord> SqlCoordination::RenewOperation(absl::string_view name, const OperationOwner& owner,
                                                                const OperationProgress& progress) {
  return Write<OperationRecord>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<OperationRecord> {
    absl::StatusOr<OperationRow> row = OwnOperation(session, name, owner, now);
    if (!row.ok()) return row.status();
    Hold(*row, owner, now);
    row->record.progress = progress;
    UpdateOperation(session, *row);
    return row->record;
  });
}

absl::StatusOr<OperationRecord> SqlCoordination::TakeOperation(absl::string_view name, const OperationOwner& owner) {
  return Write<OperationRecord>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<OperationRecord> {
    std::optional<OperationRow> row = ReadOperation(session, name, now);
    if (!row.has_value() || row->record.state != OperationState::kRunning) return Lost();
    // In a gallery of one server, what an earlier run of it held nobody holds.
    if (row->record.held && row->owner != owner.id && database_.shared()) return Lost();
    Hold(*row, owner, now);
    UpdateOperation(session, *row);
    return row->record;
  });
}

absl::Status SqlCoordination::ReleaseOperation(absl::string_view name, const OperationOwner& owner) {
  return Write<bool>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<bool> {
           absl::StatusOr<OperationRow> row = OwnOperation(session, name, owner, now);
           if (!row.ok()) return row.status();
           row->owner.clear();
           row->lease_until = now;
           UpdateOperation(session, *row);
           return true;
         })
      .status();
}

void SqlCoordination::End(SqlSession& session, OperationRow row, const absl::Status& outcome, absl::Time now) {
  OperationRecord& record = row.record;
  record.error = outcome;
  record.state = outcome.ok()                             ? OperationState::kSucceeded
                 : ReasonOf(outcome) == Reason::CANCELLED ? OperationState::kCancelled
                                                          : OperationState::kFailed;
  record.update_time = now;
  record.held = false;
  UpdateOperation(session, row);
  if (record.kind != OperationKind::kActivation) return;
  const ModelChoice choice = ReadChoice(session);
  const ModelTransition transition = TransitionFor(choice.stage, OwnEventOf(choice, record.name, ModelEvent::kEnd));
  if (transition.refusal != ModelRefusal::kNone) return;
  Change(session, choice, transition.next);
  Settle(session, now);
}

absl::Status SqlCoordination::EndOperation(absl::string_view name, const OperationOwner& owner,
                                           const OperationProgress& progress, const absl::Status& outcome) {
  return Write<bool>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<bool> {
           absl::StatusOr<OperationRow> row = OwnOperation(session, name, owner, now);
           if (!row.ok()) return row.status();
           row->record.progress = progress;
           End(session, *std::move(row), outcome, now);
           return true;
         })
      .status();
}

absl::StatusOr<OperationRecord> SqlCoordination::GetOperation(absl::string_view name) {
  return Read<OperationRecord>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<OperationRecord> {
    const std::optional<OperationRow> row = ReadOperation(session, name, now);
    if (!row.has_value()) return OperationNotFound();
    return row->record;
  });
}

absl::StatusOr<std::vector<OperationRecord>> SqlCoordination::ListOperations() {
  using Records = std::vector<OperationRecord>;
  return Read<Records>(
      [](SqlSession& session, absl::Time now) -> absl::StatusOr<Records> { return ReadOperations(session, now); });
}

absl::StatusOr<OperationRecord> SqlCoordination::CancelOperation(absl::string_view name) {
  return Write<OperationRecord>([&](SqlSession& session, absl::Time now) -> absl::StatusOr<OperationRecord> {
    std::optional<OperationRow> row = ReadOperation(session, name, now);
    if (!row.has_value()) return OperationNotFound();
    if (row->record.state != OperationState::kRunning) return row->record;
    row->record.cancel_requested = true;
    if (row->record.held) {
      UpdateOperation(session, *row);
    } else {
      End(session, *row, MakeError(Reason::CANCELLED, "the operation was cancelled"), now);
    }
    return ReadOperation(session, name, now)->record;
  });
}

}  // namespace likeness
