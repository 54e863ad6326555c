// The C++ client of likeness' ModelService: lists, activates, exports and deletes embedding models.
#ifndef LIKENESS_CLIENT_MODEL_CLIENT_H_
#define LIKENESS_CLIENT_MODEL_CLIENT_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/call_status.h"
#include "client/client.h"
#include "likeness/v1/model_service.grpc.pb.h"

namespace likeness {

// Thread-safe: any number of calls may be in flight at once; they share one connection. Errors are as Client's.
//
//   ModelClient client({.target = "localhost:50051"});
//   v1::ActivateModelRequest request;
//   request.set_digest(digest);
//   absl::StatusOr<v1::ActivateModelResponse> end = client.ActivateModel(request, [](const auto& now) { Show(now); });
//   if (!end.ok() && ErrorReasonOf(end.status()) == "REFERENCES_WITHOUT_CROP") ...
class ModelClient {
 public:
  // `timeout` bounds ListModels, GetModel, AllowModel, AddMeasurements and DeleteModel; ActivateModel and ExportModel
  // take as long as they take.
  using Options = Client::Options;

  // Connects at the first call.
  explicit ModelClient(const Options& options);
  // Uses a channel of the caller's making. Ignores options.target.
  ModelClient(std::shared_ptr<grpc::Channel> channel, const Options& options);

  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request);
  absl::StatusOr<v1::GetModelResponse> GetModel(const v1::GetModelRequest& request);
  absl::StatusOr<v1::AllowModelResponse> AllowModel(const v1::AllowModelRequest& request);
  absl::StatusOr<v1::AddMeasurementsResponse> AddMeasurements(const v1::AddMeasurementsRequest& request);
  absl::StatusOr<v1::DeleteModelResponse> DeleteModel(const v1::DeleteModelRequest& request);

  // Tells how far it is, and returns the last of that, once the model is active. CANCELLED when `stop` was requested;
  // the activation goes on without the caller.
  absl::StatusOr<v1::ActivateModelResponse> ActivateModel(
      const v1::ActivateModelRequest& request, const std::function<void(const v1::ActivateModelResponse&)>& on_progress,
      std::stop_token stop = {});

  // Gives the bytes of the bundle file to `on_piece`, in order; its error ends the call and is returned. CANCELLED when
  // `stop` was requested. The bytes are not checked: client/model_file.h writes them to a file and does.
  absl::Status ExportModel(const v1::ExportModelRequest& request,
                           const std::function<absl::Status(absl::string_view)>& on_piece, std::stop_token stop = {});

 private:
  std::unique_ptr<v1::ModelService::Stub> models_;
  absl::Duration timeout_;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_MODEL_CLIENT_H_
