// The rows of what the servers of a gallery agree on: the model choice, the servers, the operations. Private to
// gallery/.
//
// None of these begins or ends a transaction. All throw exceptions derived from std::exception.
#ifndef LIKENESS_SERVER_GALLERY_COORDINATION_ROWS_H_
#define LIKENESS_SERVER_GALLERY_COORDINATION_ROWS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gallery/coordination.h"
#include "server/gallery/sql.h"
#include "server/gallery/store.h"

namespace likeness {

// By the database's clock.
absl::Time DatabaseTime(SqlSession& session);

ModelChoice ReadChoice(SqlSession& session);
// Makes the version one higher.
void WriteChoice(SqlSession& session, const ModelChoice& choice);
void InsertAllowedModel(SqlSession& session, const ModelDigest& model);
void RemoveAllowedModel(SqlSession& session, const ModelDigest& model);
bool ReadAllowedModel(SqlSession& session, const ModelDigest& model);

void PutServer(SqlSession& session, const ServerRecord& server, absl::Time seen);
void RemoveServer(SqlSession& session, absl::string_view id);
// All but this one.
void RemoveOtherServers(SqlSession& session, absl::string_view id);
void RemoveServersBefore(SqlSession& session, absl::Time seen);
std::vector<ServerRecord> ReadServersSince(SqlSession& session, absl::Time seen);
// By which those answer that were seen since.
std::vector<ModelDigest> ReadAnsweringModels(SqlSession& session, absl::Time seen);

// An operation with who works on it, and until when that is certain.
struct OperationRow {
  OperationRecord record;
  std::string owner;
  absl::Time lease_until;
};
void InsertOperation(SqlSession& session, const OperationRow& row);
void UpdateOperation(SqlSession& session, const OperationRow& row);
std::optional<OperationRow> ReadOperation(SqlSession& session, absl::string_view name, absl::Time now);
// That has not ended.
std::optional<OperationRow> ReadRunningOperation(SqlSession& session, OperationKind kind, absl::Time now);
std::vector<OperationRecord> ReadOperations(SqlSession& session, absl::Time now);
void RemoveOperationsEndedBefore(SqlSession& session, absl::Time time);

// Whether a reference with a number above `after` has no embedding by the model.
bool HasUnembeddedAfter(SqlSession& session, const ModelDigest& model, int64_t after);

// Whether an enrolment has the embeddings that every server needs: ModelsChanged(), or MODEL_MISSING where the server
// that enrols lacks the active model. `shared` tells whether there may be other servers.
absl::Status CheckModelsOf(SqlSession& session, const Enrolment& enrolment, bool shared);
// Whether embeddings by the model may be written: it has not been deleted.
bool MayBeWritten(SqlSession& session, const ModelDigest& model, bool shared);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_COORDINATION_ROWS_H_
