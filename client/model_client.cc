#include "client/model_client.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/unary_call.h"

namespace likeness {
namespace {

using Models = v1::ModelService::Stub;

}  // namespace

ModelClient::ModelClient(const Options& options) : ModelClient(Connect(options), options) {}

ModelClient::ModelClient(std::shared_ptr<grpc::Channel> channel, const Options& options)
    : models_(v1::ModelService::NewStub(std::move(channel))), timeout_(options.timeout) {}

absl::StatusOr<v1::ListModelsResponse> ModelClient::ListModels(const v1::ListModelsRequest& request) {
  return CallUntil(absl::Now() + timeout_, *models_, &Models::ListModels, request);
}

absl::StatusOr<v1::GetModelResponse> ModelClient::GetModel(const v1::GetModelRequest& request) {
  return CallUntil(absl::Now() + timeout_, *models_, &Models::GetModel, request);
}

absl::StatusOr<v1::AllowModelResponse> ModelClient::AllowModel(const v1::AllowModelRequest& request) {
  return CallUntil(absl::Now() + timeout_, *models_, &Models::AllowModel, request);
}

absl::StatusOr<v1::AddMeasurementsResponse> ModelClient::AddMeasurements(const v1::AddMeasurementsRequest& request) {
  return CallUntil(absl::Now() + timeout_, *models_, &Models::AddMeasurements, request);
}

absl::StatusOr<v1::DeleteModelResponse> ModelClient::DeleteModel(const v1::DeleteModelRequest& request) {
  return CallUntil(absl::Now() + timeout_, *models_, &Models::DeleteModel, request);
}

absl::StatusOr<v1::ActivateModelResponse> ModelClient::ActivateModel(
    const v1::ActivateModelRequest& request, const std::function<void(const v1::ActivateModelResponse&)>& on_progress,
    std::stop_token stop) {
  grpc::ClientContext context;
  const auto stream = models_->ActivateModel(&context, request);
  const std::stop_callback cancel(std::move(stop), [&context] { context.TryCancel(); });
  v1::ActivateModelResponse last;
  for (v1::ActivateModelResponse next; stream->Read(&next);) {
    last.Swap(&next);
    if (on_progress) on_progress(last);
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return ToAbslStatus(status);
  if (!last.active()) return absl::UnavailableError("the server ended the call before the model was active");
  return last;
}

absl::Status ModelClient::ExportModel(const v1::ExportModelRequest& request,
                                      const std::function<absl::Status(absl::string_view)>& on_piece,
                                      std::stop_token stop) {
  grpc::ClientContext context;
  const auto stream = models_->ExportModel(&context, request);
  const std::stop_callback cancel(std::move(stop), [&context] { context.TryCancel(); });
  absl::Status taken;
  for (v1::ExportModelResponse piece; taken.ok() && stream->Read(&piece);) taken = on_piece(piece.content());
  if (!taken.ok()) context.TryCancel();
  const grpc::Status status = stream->Finish();
  return taken.ok() ? ToAbslStatus(status) : taken;
}

}  // namespace likeness
