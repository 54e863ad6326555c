// TrainingService: begins trainings, and tells how far they are.
#ifndef LIKENESS_SERVER_RPC_TRAINING_SERVICE_H_
#define LIKENESS_SERVER_RPC_TRAINING_SERVICE_H_

#include "absl/functional/function_ref.h"
#include "likeness/v1/training_service.grpc.pb.h"
#include "server/rpc/admin_calls.h"
#include "server/trainings/training_jobs.h"

namespace likeness {

// Thread-safe.
class TrainingService : public v1::TrainingService::Service {
 public:
  // Both must outlive every call.
  TrainingService(TrainingJobs& jobs, const AdminCalls& calls) : jobs_(jobs), calls_(calls) {}

  using TrainStream = grpc::ServerReaderWriter<v1::TrainResponse, v1::TrainRequest>;

  grpc::Status Train(grpc::ServerContext* context, TrainStream* stream) override;
  grpc::Status GetTraining(grpc::ServerContext* context, const v1::GetTrainingRequest* request,
                           v1::GetTrainingResponse* response) override;
  grpc::Status ListTrainings(grpc::ServerContext* context, const v1::ListTrainingsRequest* request,
                             v1::ListTrainingsResponse* response) override;
  grpc::Status WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest* request,
                             grpc::ServerWriter<v1::WatchTrainingResponse>* writer) override;
  grpc::Status CancelTraining(grpc::ServerContext* context, const v1::CancelTrainingRequest* request,
                              v1::CancelTrainingResponse* response) override;

 private:
  // Reads the stream to its end; the id of the training that it made.
  absl::StatusOr<std::string> ReceivePhotos(const grpc::ServerContext& context, const Caller& caller,
                                            TrainStream& stream);
  // Sends the training at each change until it has ended.
  absl::Status Watch(const grpc::ServerContext& context, const std::string& id,
                     absl::FunctionRef<bool(const v1::Training&)> send) const;

  TrainingJobs& jobs_;
  const AdminCalls& calls_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_TRAINING_SERVICE_H_
