#include "tests/unit/client/fake_training_services.h"

#include <csignal>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace likeness {
namespace {

const grpc::Status kUnimplemented(grpc::StatusCode::UNIMPLEMENTED, "");

template <typename Handler, typename Request, typename Response>
grpc::Status Handle(const Handler& handler, const Request* request, Response* response) {
  return handler ? handler(*request, response) : kUnimplemented;
}

template <typename Handler, typename Request, typename Writer>
grpc::Status Stream(const Handler& handler, grpc::ServerContext* context, const Request* request, Writer* writer) {
  return handler ? handler(*context, *request, *writer) : kUnimplemented;
}

}  // namespace

grpc::Status FakeTrainingService::Train(grpc::ServerContext* context, TrainStream* stream) {
  return train ? train(*context, *stream) : kUnimplemented;
}

grpc::Status FakeTrainingService::GetTraining(grpc::ServerContext*, const v1::GetTrainingRequest* request,
                                              v1::GetTrainingResponse* response) {
  return Handle(get_training, request, response);
}

grpc::Status FakeTrainingService::ListTrainings(grpc::ServerContext*, const v1::ListTrainingsRequest* request,
                                                v1::ListTrainingsResponse* response) {
  return Handle(list_trainings, request, response);
}

grpc::Status FakeTrainingService::WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest* request,
                                                grpc::ServerWriter<v1::WatchTrainingResponse>* writer) {
  return Stream(watch_training, context, request, writer);
}

grpc::Status FakeTrainingService::CancelTraining(grpc::ServerContext*, const v1::CancelTrainingRequest* request,
                                                 v1::CancelTrainingResponse* response) {
  return Handle(cancel_training, request, response);
}

grpc::Status FakeModelService::ListModels(grpc::ServerContext*, const v1::ListModelsRequest* request,
                                          v1::ListModelsResponse* response) {
  return Handle(list_models, request, response);
}

grpc::Status FakeModelService::GetModel(grpc::ServerContext*, const v1::GetModelRequest* request,
                                        v1::GetModelResponse* response) {
  return Handle(get_model, request, response);
}

grpc::Status FakeModelService::ActivateModel(grpc::ServerContext* context, const v1::ActivateModelRequest* request,
                                             grpc::ServerWriter<v1::ActivateModelResponse>* writer) {
  return Stream(activate_model, context, request, writer);
}

grpc::Status FakeModelService::AllowModel(grpc::ServerContext*, const v1::AllowModelRequest* request,
                                          v1::AllowModelResponse* response) {
  return Handle(allow_model, request, response);
}

grpc::Status FakeModelService::AddMeasurements(grpc::ServerContext*, const v1::AddMeasurementsRequest* request,
                                               v1::AddMeasurementsResponse* response) {
  return Handle(add_measurements, request, response);
}

grpc::Status FakeModelService::DeleteModel(grpc::ServerContext*, const v1::DeleteModelRequest* request,
                                           v1::DeleteModelResponse* response) {
  return Handle(delete_model, request, response);
}

grpc::Status FakeModelService::ExportModel(grpc::ServerContext* context, const v1::ExportModelRequest* request,
                                           grpc::ServerWriter<v1::ExportModelResponse>* writer) {
  return Stream(export_model, context, request, writer);
}

grpc::Status FakeOperationService::GetOperation(grpc::ServerContext*, const v1::GetOperationRequest* request,
                                                v1::GetOperationResponse* response) {
  return Handle(get_operation, request, response);
}

grpc::Status FakeOperationService::ListOperations(grpc::ServerContext*, const v1::ListOperationsRequest* request,
                                                  v1::ListOperationsResponse* response) {
  return Handle(list_operations, request, response);
}

grpc::Status FakeOperationService::CancelOperation(grpc::ServerContext*, const v1::CancelOperationRequest* request,
                                                   v1::CancelOperationResponse* response) {
  return Handle(cancel_operation, request, response);
}

grpc::Status FakeOperationService::WaitOperation(grpc::ServerContext*, const v1::WaitOperationRequest* request,
                                                 v1::WaitOperationResponse* response) {
  return Handle(wait_operation, request, response);
}

ReceivedTraining ReceiveTraining(FakeTrainingService::TrainStream& stream) {
  ReceivedTraining received;
  for (v1::TrainRequest request; stream.Read(&request);) {
    if (request.has_config()) received.config = request.config();
    if (request.has_photo()) received.photos.push_back(request.photo());
  }
  return received;
}

void SendTraining(FakeTrainingService::TrainStream& stream, const v1::Training& training) {
  v1::TrainResponse response;
  *response.mutable_training() = training;
  stream.Write(response);
}

v1::Training TrainingIn(v1::TrainingState state) {
  v1::Training training;
  training.set_training_id("0123456789abcdef0123456789abcdef");
  training.set_state(state);
  return training;
}

void InterruptOnceHeard() {
  absl::SleepFor(absl::Milliseconds(500));
  std::raise(SIGINT);
}

grpc::Status AwaitGone(const grpc::ServerContext& context) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!context.IsCancelled() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  return grpc::Status::CANCELLED;
}

}  // namespace likeness
