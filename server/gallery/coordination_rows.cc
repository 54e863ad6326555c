#include "server/gallery/coordination_rows.h"

#include <algorithm>
#include <utility>

#include "server/errors/errors.h"
#include "server/gallery/sql_values.h"

namespace likeness {
namespace {

absl::Status ErrorIn(const SqlValue& reason, const SqlValue& message) {
  if (IntegerIn(reason) == 0) return absl::OkStatus();
  return MakeError(static_cast<Reason::Value>(IntegerIn(reason)), TextIn(message));
}

OperationRow OperationIn(const SqlRow& row, absl::Time now) {
  OperationRow operation;
  OperationRecord& record = operation.record;
  record.name = TextIn(row[0]);
  record.kind = static_cast<OperationKind>(IntegerIn(row[1]));
  record.subject = OptionalDigestIn(row[2]);
  record.state = static_cast<OperationState>(IntegerIn(row[3]));
  record.progress = {IntegerIn(row[4]), IntegerIn(row[5]), IntegerIn(row[6])};
  record.cancel_requested = IntegerIn(row[7]) != 0;
  record.server = TextIn(row[8]);
  record.create_time = TimeIn(row[9]);
  record.update_time = TimeIn(row[10]);
  record.error = ErrorIn(row[11], row[12]);
  record.revision = IntegerIn(row[13]);
  operation.owner = TextIn(row[14]);
  operation.lease_until = TimeIn(row[15]);
  record.held = record.state == OperationState::kRunning && !operation.owner.empty() && operation.lease_until > now;
  return operation;
}

#define LIKENESS_OPERATION_COLUMNS                                                                                \
  "name, kind, subject, state, done, total, changed, cancel, server, create_time, update_time, reason, message, " \
  "revision, owner, lease_until"

std::vector<SqlValue> ValuesOf(const OperationRow& row) {
  const OperationRecord& record = row.record;
  const int64_t reason = record.error.ok() ? 0 : static_cast<int64_t>(ReasonOf(record.error));
  return {Text(record.name),
          static_cast<int64_t>(record.kind),
          OptionalDigest(record.subject),
          static_cast<int64_t>(record.state),
          record.progress.done,
          record.progress.total,
          record.progress.changed,
          int64_t{record.cancel_requested ? 1 : 0},
          Text(record.server),
          Micros(record.create_time),
          Micros(record.update_time),
          reason,
          Text(record.error.message()),
          record.revision,
          Text(row.owner),
          Micros(row.lease_until)};
}

bool Contains(const std::vector<ModelDigest>& models, const ModelDigest& model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

// By which servers answer, and the active model.
std::vector<ModelDigest> WantedModels(SqlSession& session, const ModelChoice& choice, bool shared) {
  std::vector<ModelDigest> wanted;
  if (shared) wanted = ReadAnsweringModels(session, DatabaseTime(session) - kServerExpiry);
  if (choice.active.has_value()) {
    if (!Contains(wanted, *choice.active)) wanted.push_back(*choice.active);
    return wanted;
  }
  // Where nothing is chosen, each server answers by its --model, or is about to.
  const absl::Time since = shared ? DatabaseTime(session) - kServerExpiry : absl::InfinitePast();
  for (const ServerRecord& server : ReadServersSince(session, since)) {
    if (server.base.has_value() && !Contains(wanted, *server.base)) wanted.push_back(*server.base);
  }
  return wanted;
}

}  // namespace

absl::Time DatabaseTime(SqlSession& session) { return TimeIn(session.Run("SELECT now FROM database_clock").at(0)[0]); }

ModelChoice ReadChoice(SqlSession& session) {
  const SqlRow row =
      session.Run("SELECT active, target, leave_behind, stage, operation, version FROM model_choice").at(0);
  return {OptionalDigestIn(row[0]), OptionalDigestIn(row[1]),
          IntegerIn(row[2]) != 0,   static_cast<ModelStage>(IntegerIn(row[3])),
          TextIn(row[4]),           IntegerIn(row[5])};
}

void WriteChoice(SqlSession& session, const ModelChoice& choice) {
  session.Change(
      "UPDATE model_choice SET active = $1, target = $2, leave_behind = $3, stage = $4, operation = $5, version = "
      "version + 1",
      {OptionalDigest(choice.active), OptionalDigest(choice.target), int64_t{choice.leave_behind ? 1 : 0},
       static_cast<int64_t>(choice.stage), Text(choice.operation)});
}

void InsertAllowedModel(SqlSession& session, const ModelDigest& model) {
  session.Change("INSERT INTO allowed_model (digest) VALUES ($1) ON CONFLICT DO NOTHING", {Digest(model)});
}

void RemoveAllowedModel(SqlSession& session, const ModelDigest& model) {
  session.Change("DELETE FROM allowed_model WHERE digest = $1", {Digest(model)});
}

bool ReadAllowedModel(SqlSession& session, const ModelDigest& model) {
  return !session.Run("SELECT digest FROM allowed_model WHERE digest = $1", {Digest(model)}).empty();
}

void PutServer(SqlSession& session, const ServerRecord& server, absl::Time seen) {
  session.Change(
      "INSERT INTO server (id, name, base, answers, prepared, lacks, seen) VALUES ($1, $2, $3, $4, $5, $6, $7) "
      "ON CONFLICT (id) DO UPDATE SET name = excluded.name, base = excluded.base, answers = excluded.answers, "
      "prepared = excluded.prepared, lacks = excluded.lacks, seen = excluded.seen",
      {Text(server.id), Text(server.name), OptionalDigest(server.base), OptionalDigest(server.answers),
       OptionalDigest(server.prepared), OptionalDigest(server.lacks), Micros(seen)});
}

void RemoveServer(SqlSession& session, absl::string_view id) {
  session.Change("DELETE FROM server WHERE id = $1", {Text(id)});
}

void RemoveOtherServers(SqlSession& session, absl::string_view id) {
  session.Change("DELETE FROM server WHERE id <> $1", {Text(id)});
}

void RemoveServersBefore(SqlSession& session, absl::Time seen) {
  session.Change("DELETE FROM server WHERE seen < $1", {Micros(seen)});
}

std::vector<ServerRecord> ReadServersSince(SqlSession& session, absl::Time seen) {
  std::vector<ServerRecord> servers;
  for (const SqlRow& row :
       session.Run("SELECT id, name, base, answers, prepared, lacks FROM server WHERE seen >= $1 ORDER BY name, id",
                   {Micros(seen)})) {
    servers.push_back({TextIn(row[0]), TextIn(row[1]), OptionalDigestIn(row[2]), OptionalDigestIn(row[3]),
                       OptionalDigestIn(row[4]), OptionalDigestIn(row[5])});
  }
  return servers;
}

std::vector<ModelDigest> ReadAnsweringModels(SqlSession& session, absl::Time seen) {
  std::vector<ModelDigest> models;
  for (const SqlRow& row :
       session.Run("SELECT DISTINCT answers FROM server WHERE answers IS NOT NULL AND seen >= $1", {Micros(seen)})) {
    models.push_back(DigestIn(row[0]));
  }
  return models;
}

void InsertOperation(SqlSession& session, const OperationRow& row) {
  session.Change("INSERT INTO operation (" LIKENESS_OPERATION_COLUMNS
                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                 ValuesOf(row));
}

void UpdateOperation(SqlSession& session, const OperationRow& row) {
  const OperationRecord& record = row.record;
  session.Change(
      "UPDATE operation SET state = $1, done = $2, total = $3, changed = $4, cancel = $5, server = $6, update_time = "
      "$7, reason = $8, message = $9, revision = $10, owner = $11, lease_until = $12 WHERE name = $13",
      {static_cast<int64_t>(record.state), record.progress.done, record.progress.total, record.progress.changed,
       int64_t{record.cancel_requested ? 1 : 0}, Text(record.server), Micros(record.update_time),
       record.error.ok() ? int64_t{0} : static_cast<int64_t>(ReasonOf(record.error)), Text(record.error.message()),
       record.revision, Text(row.owner), Micros(row.lease_until), Text(record.name)});
}

std::optional<OperationRow> ReadOperation(SqlSession& session, absl::string_view name, absl::Time now) {
  const std::vector<SqlRow> rows =
      session.Run("SELECT " LIKENESS_OPERATION_COLUMNS " FROM operation WHERE name = $1", {Text(name)});
  if (rows.empty()) return std::nullopt;
  return OperationIn(rows[0], now);
}

std::optional<OperationRow> ReadRunningOperation(SqlSession& session, OperationKind kind, absl::Time now) {
  const std::vector<SqlRow> rows =
      session.Run("SELECT " LIKENESS_OPERATION_COLUMNS " FROM operation WHERE kind = $1 AND state = 0",
                  {static_cast<int64_t>(kind)});
  if (rows.empty()) return std::nullopt;
  return OperationIn(rows[0], now);
}

std::vector<OperationRecord> ReadOperations(SqlSession& session, absl::Time now) {
  std::vector<OperationRecord> operations;
  for (const SqlRow& row :
       session.Run("SELECT " LIKENESS_OPERATION_COLUMNS " FROM operation ORDER BY create_time DESC, name")) {
    operations.push_back(OperationIn(row, now).record);
  }
  return operations;
}

void RemoveOperationsEndedBefore(SqlSession& session, absl::Time time) {
  session.Change("DELETE FROM operation WHERE state <> 0 AND update_time < $1", {Micros(time)});
}

bool HasUnembeddedAfter(SqlSession& session, const ModelDigest& model, int64_t after) {
  return !session
              .Run(
                  "SELECT number FROM face_reference WHERE number > $1 AND NOT EXISTS (SELECT 1 FROM embedding WHERE "
                  "reference = number AND model_digest = $2) LIMIT 1",
                  {after, Digest(model)})
              .empty();
}

absl::Status CheckModelsOf(SqlSession& session, const Enrolment& enrolment, bool shared) {
  std::vector<ModelDigest> have;
  if (!enrolment.references.empty()) have.push_back(enrolment.references.front().embedding.model);
  if (!enrolment.also.empty()) {
    for (const Embedding& embedding : enrolment.also.front()) have.push_back(embedding.model);
  }
  const ModelChoice choice = ReadChoice(session);
  for (const ModelDigest& model : WantedModels(session, choice, shared)) {
    if (Contains(have, model)) continue;
    if (!Contains(enrolment.lacking, model)) return ModelsChanged();
    if (choice.active == model) {
      return MakeError(Reason::MODEL_MISSING,
                       "this server lacks the files of the model that answers, so nobody whom it enrolled could be "
                       "verified elsewhere; enroll on another server");
    }
  }
  return absl::OkStatus();
}

bool MayBeWritten(SqlSession& session, const ModelDigest& model, bool shared) {
  const ModelChoice choice = ReadChoice(session);
  return choice.target == model || ReadAllowedModel(session, model) ||
         Contains(WantedModels(session, choice, shared), model) ||
         !session.Run("SELECT id FROM server WHERE base = $1 LIMIT 1", {Digest(model)}).empty();
}

}  // namespace likeness
