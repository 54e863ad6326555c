#include "server/rpc/operation_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/rpc/conversions.h"

namespace likeness {
namespace {

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kLongestWait = absl::Seconds(60);
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);
constexpr size_t kNameBytes = 32;

// Before it reaches the store: whoever calls may send any text.
absl::Status CheckName(const std::string& name) {
  if (name.size() == kNameBytes && name.find_first_not_of("0123456789abcdef") == name.npos) return absl::OkStatus();
  return InvalidField("name", "name is not 32 hex digits");
}

v1::OperationKind KindOf(OperationKind kind) {
  switch (kind) {
    case OperationKind::kActivation:
      return v1::OPERATION_KIND_ACTIVATION;
    case OperationKind::kKeyRotation:
      return v1::OPERATION_KIND_KEY_ROTATION;
  }
  return v1::OPERATION_KIND_UNSPECIFIED;  // of a newer version
}

}  // namespace

v1::Operation ToProto(const OperationRecord& record) {
  v1::Operation proto;
  proto.set_name(record.name);
  v1::OperationMetadata& metadata = *proto.mutable_metadata();
  metadata.set_kind(KindOf(record.kind));
  if (record.subject.has_value()) metadata.set_model_digest(record.subject->Hex());
  metadata.set_done_count(record.progress.done);
  metadata.set_total_count(record.progress.total);
  *metadata.mutable_create_time() = ToProto(record.create_time);
  *metadata.mutable_update_time() = ToProto(record.update_time);
  metadata.set_server(record.server);
  metadata.set_cancel_requested(record.cancel_requested);
  proto.set_done(record.state != OperationState::kRunning);
  metadata.set_waiting(!proto.done() && !record.held);
  if (record.state == OperationState::kSucceeded) {
    proto.mutable_response()->set_revision(record.revision);
    proto.mutable_response()->set_rewrapped_keys(record.progress.changed);
  } else if (proto.done()) {
    proto.mutable_error()->set_reason(ReasonName(ReasonOf(record.error)));
    proto.mutable_error()->set_message(std::string(record.error.message()));
  }
  return proto;
}

grpc::Status OperationService::GetOperation(grpc::ServerContext* context, const v1::GetOperationRequest* request,
                                            v1::GetOperationResponse* response) {
  return calls_.Run(*context, "GetOperation", [&]() -> absl::Status {
    if (absl::Status status = CheckName(request->name()); !status.ok()) return status;
    const absl::StatusOr<OperationRecord> record = gallery_.coordination().GetOperation(request->name());
    if (!record.ok()) return record.status();
    *response->mutable_operation() = ToProto(*record);
    return absl::OkStatus();
  });
}

grpc::Status OperationService::ListOperations(grpc::ServerContext* context, const v1::ListOperationsRequest*,
                                              v1::ListOperationsResponse* response) {
  return calls_.Run(*context, "ListOperations", [&]() -> absl::Status {
    const absl::StatusOr<std::vector<OperationRecord>> records = gallery_.coordination().ListOperations();
    if (!records.ok()) return records.status();
    for (const OperationRecord& record : *records) *response->add_operations() = ToProto(record);
    return absl::OkStatus();
  });
}

grpc::Status OperationService::CancelOperation(grpc::ServerContext* context, const v1::CancelOperationRequest* request,
                                               v1::CancelOperationResponse* response) {
  return calls_.RunAudited(*context, "CancelOperation", {}, [&]() -> absl::Status {
    if (absl::Status status = CheckName(request->name()); !status.ok()) return status;
    const absl::StatusOr<OperationRecord> record = gallery_.coordination().CancelOperation(request->name());
    if (!record.ok()) return record.status();
    *response->mutable_operation() = ToProto(*record);
    return absl::OkStatus();
  });
}

grpc::Status OperationService::WaitOperation(grpc::ServerContext* context, const v1::WaitOperationRequest* request,
                                             v1::WaitOperationResponse* response) {
  return calls_.Run(*context, "WaitOperation",
                    [&] { return Wait(*context, *request, *response->mutable_operation()); });
}

absl::Status OperationService::Wait(const grpc::ServerContext& context, const v1::WaitOperationRequest& request,
                                    v1::Operation& operation) {
  if (absl::Status status = CheckName(request.name()); !status.ok()) return status;
  absl::Duration limit = kWait;
  if (request.has_timeout()) {
    limit = absl::Seconds(request.timeout().seconds()) + absl::Nanoseconds(request.timeout().nanos());
    if (limit < absl::ZeroDuration() || limit > kLongestWait) {
      return InvalidField("timeout", "timeout must be 0 to 60 seconds");
    }
  }
  const absl::Time until = absl::Now() + limit;
  while (true) {
    const absl::StatusOr<OperationRecord> record = gallery_.coordination().GetOperation(request.name());
    if (!record.ok()) return record.status();
    operation = ToProto(*record);
    if (operation.done() || absl::Now() >= until) return absl::OkStatus();
    if (context.IsCancelled()) return CallerGone();
    absl::SleepFor(std::min(kBetweenLooks, until - absl::Now()));
  }
}

}  // namespace likeness
