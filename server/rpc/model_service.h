// ModelService: the models that a server has, and which of them answers.
#ifndef LIKENESS_SERVER_RPC_MODEL_SERVICE_H_
#define LIKENESS_SERVER_RPC_MODEL_SERVICE_H_

#include <string>

#include "likeness/v1/model_service.grpc.pb.h"
#include "server/models/activation.h"
#include "server/rpc/admin_calls.h"

namespace likeness {

// Thread-safe.
class ModelService : public v1::ModelService::Service {
 public:
  // All must outlive every call.
  ModelService(ModelFolder& folder, Gallery& gallery, const ActiveGeneration& active, Activations& activations,
               const AdminCalls& calls);

  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override;
  grpc::Status ActivateModel(grpc::ServerContext* context, const v1::ActivateModelRequest* request,
                             grpc::ServerWriter<v1::ActivateModelResponse>* writer) override;
  grpc::Status AllowModel(grpc::ServerContext* context, const v1::AllowModelRequest* request,
                          v1::AllowModelResponse* response) override;
  grpc::Status AddMeasurements(grpc::ServerContext* context, const v1::AddMeasurementsRequest* request,
                               v1::AddMeasurementsResponse* response) override;
  grpc::Status DeleteModel(grpc::ServerContext* context, const v1::DeleteModelRequest* request,
                           v1::DeleteModelResponse* response) override;
  grpc::Status ExportModel(grpc::ServerContext* context, const v1::ExportModelRequest* request,
                           grpc::ServerWriter<v1::ExportModelResponse>* writer) override;

 private:
  v1::ModelRecord RecordOf(const ModelEntry& entry) const;
  absl::Status Activate(const grpc::ServerContext& context, const v1::ActivateModelRequest& request,
                        grpc::ServerWriter<v1::ActivateModelResponse>& writer);
  // Writes how far the operation is until it has ended; the last of that is left to the caller.
  absl::Status TellProgress(const grpc::ServerContext& context, const std::string& operation,
                            v1::ActivateModelResponse& response, grpc::ServerWriter<v1::ActivateModelResponse>& writer);
  absl::StatusOr<ModelEntry> AddMeasured(const v1::AddMeasurementsRequest& request);
  absl::Status Export(const v1::ExportModelRequest& request, grpc::ServerWriter<v1::ExportModelResponse>& writer) const;
  // Says what decides before and after, and who stays behind, if anybody does.
  absl::StatusOr<v1::ActivateModelResponse> FirstAnswer(const ModelEntry& entry) const;

  ModelFolder& folder_;
  Gallery& gallery_;
  const ActiveGeneration& active_;
  Activations& activations_;
  const AdminCalls& calls_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_MODEL_SERVICE_H_
