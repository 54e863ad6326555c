// The services about trainings and models as a test wants them; parts of FakeServer.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_FAKE_TRAINING_SERVICES_H_
#define LIKENESS_TESTS_UNIT_CLIENT_FAKE_TRAINING_SERVICES_H_

#include <functional>
#include <vector>

#include "likeness/v1/model_service.grpc.pb.h"
#include "likeness/v1/operation_service.grpc.pb.h"
#include "likeness/v1/training_service.grpc.pb.h"

namespace likeness {

template <typename Request, typename Response>
using UnaryHandler = std::function<grpc::Status(const Request&, Response*)>;

// Answers a call with a stream of messages, by Write(). The context tells whether the caller has gone.
template <typename Request, typename Response>
using StreamHandler = std::function<grpc::Status(grpc::ServerContext&, const Request&, grpc::ServerWriter<Response>&)>;

// Each call goes to the function of its name, or fails with UNIMPLEMENTED where the test has set none. Set them before
// the first call.
class FakeTrainingService : public v1::TrainingService::Service {
 public:
  using TrainStream = grpc::ServerReaderWriter<v1::TrainResponse, v1::TrainRequest>;

  std::function<grpc::Status(grpc::ServerContext&, TrainStream&)> train;
  UnaryHandler<v1::GetTrainingRequest, v1::GetTrainingResponse> get_training;
  UnaryHandler<v1::ListTrainingsRequest, v1::ListTrainingsResponse> list_trainings;
  StreamHandler<v1::WatchTrainingRequest, v1::WatchTrainingResponse> watch_training;
  UnaryHandler<v1::CancelTrainingRequest, v1::CancelTrainingResponse> cancel_training;

 private:
  grpc::Status Train(grpc::ServerContext*, TrainStream*) override;
  grpc::Status GetTraining(grpc::ServerContext*, const v1::GetTrainingRequest*, v1::GetTrainingResponse*) override;
  grpc::Status ListTrainings(grpc::ServerContext*, const v1::ListTrainingsRequest*,
                             v1::ListTrainingsResponse*) override;
  grpc::Status WatchTraining(grpc::ServerContext*, const v1::WatchTrainingRequest*,
                             grpc::ServerWriter<v1::WatchTrainingResponse>*) override;
  grpc::Status CancelTraining(grpc::ServerContext*, const v1::CancelTrainingRequest*,
                              v1::CancelTrainingResponse*) override;
};

// As FakeTrainingService.
class FakeModelService : public v1::ModelService::Service {
 public:
  UnaryHandler<v1::ListModelsRequest, v1::ListModelsResponse> list_models;
  UnaryHandler<v1::GetModelRequest, v1::GetModelResponse> get_model;
  StreamHandler<v1::ActivateModelRequest, v1::ActivateModelResponse> activate_model;
  UnaryHandler<v1::AllowModelRequest, v1::AllowModelResponse> allow_model;
  UnaryHandler<v1::AddMeasurementsRequest, v1::AddMeasurementsResponse> add_measurements;
  UnaryHandler<v1::DeleteModelRequest, v1::DeleteModelResponse> delete_model;
  StreamHandler<v1::ExportModelRequest, v1::ExportModelResponse> export_model;

 private:
  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest*, v1::ListModelsResponse*) override;
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*, v1::GetModelResponse*) override;
  grpc::Status ActivateModel(grpc::ServerContext*, const v1::ActivateModelRequest*,
                             grpc::ServerWriter<v1::ActivateModelResponse>*) override;
  grpc::Status AllowModel(grpc::ServerContext*, const v1::AllowModelRequest*, v1::AllowModelResponse*) override;
  grpc::Status AddMeasurements(grpc::ServerContext*, const v1::AddMeasurementsRequest*,
                               v1::AddMeasurementsResponse*) override;
  grpc::Status DeleteModel(grpc::ServerContext*, const v1::DeleteModelRequest*, v1::DeleteModelResponse*) override;
  grpc::Status ExportModel(grpc::ServerContext*, const v1::ExportModelRequest*,
                           grpc::ServerWriter<v1::ExportModelResponse>*) override;
};

class FakeOperationService : public v1::OperationService::Service {
 public:
  UnaryHandler<v1::GetOperationRequest, v1::GetOperationResponse> get_operation;
  UnaryHandler<v1::ListOperationsRequest, v1::ListOperationsResponse> list_operations;
  UnaryHandler<v1::CancelOperationRequest, v1::CancelOperationResponse> cancel_operation;
  UnaryHandler<v1::WaitOperationRequest, v1::WaitOperationResponse> wait_operation;

 private:
  grpc::Status GetOperation(grpc::ServerContext*, const v1::GetOperationRequest*, v1::GetOperationResponse*) override;
  grpc::Status ListOperations(grpc::ServerContext*, const v1::ListOperationsRequest*,
                              v1::ListOperationsResponse*) override;
  grpc::Status CancelOperation(grpc::ServerContext*, const v1::CancelOperationRequest*,
                               v1::CancelOperationResponse*) override;
  grpc::Status WaitOperation(grpc::ServerContext*, const v1::WaitOperationRequest*,
                             v1::WaitOperationResponse*) override;
};

// Reads a Train call to its end: the configuration and the photos.
struct ReceivedTraining {
  v1::TrainingConfig config;
  std::vector<v1::LabelledPhoto> photos;
};
ReceivedTraining ReceiveTraining(FakeTrainingService::TrainStream& stream);

// Sends a training as an event of a Train call.
void SendTraining(FakeTrainingService::TrainStream& stream, const v1::Training& training);

// A training with an id of 32 digits.
v1::Training TrainingIn(v1::TrainingState state);

// Ctrl-C, once the client has had half a second to read what was sent. It has no way to tell that it has.
void InterruptOnceHeard();

// Waits until the caller has gone, at most 20 seconds.
grpc::Status AwaitGone(const grpc::ServerContext& context);

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_FAKE_TRAINING_SERVICES_H_
