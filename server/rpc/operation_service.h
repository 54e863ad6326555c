// OperationService: the long operations of the gallery, whichever server works on them.
#ifndef LIKENESS_SERVER_RPC_OPERATION_SERVICE_H_
#define LIKENESS_SERVER_RPC_OPERATION_SERVICE_H_

#include "likeness/v1/operation_service.grpc.pb.h"
#include "server/gallery/gallery.h"
#include "server/rpc/admin_calls.h"

namespace likeness {

v1::Operation ToProto(const OperationRecord& record);

// Thread-safe.
class OperationService : public v1::OperationService::Service {
 public:
  // Both must outlive every call.
  OperationService(Gallery& gallery, const AdminCalls& calls) : gallery_(gallery), calls_(calls) {}

  grpc::Status GetOperation(grpc::ServerContext* context, const v1::GetOperationRequest* request,
                            v1::GetOperationResponse* response) override;
  grpc::Status ListOperations(grpc::ServerContext* context, const v1::ListOperationsRequest* request,
                              v1::ListOperationsResponse* response) override;
  grpc::Status CancelOperation(grpc::ServerContext* context, const v1::CancelOperationRequest* request,
                               v1::CancelOperationResponse* response) override;
  grpc::Status WaitOperation(grpc::ServerContext* context, const v1::WaitOperationRequest* request,
                             v1::WaitOperationResponse* response) override;

 private:
  absl::Status Wait(const grpc::ServerContext& context, const v1::WaitOperationRequest& request,
                    v1::Operation& operation);

  Gallery& gallery_;
  const AdminCalls& calls_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_OPERATION_SERVICE_H_
