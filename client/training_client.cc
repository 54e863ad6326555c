#include "client/training_client.h"

#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/unary_call.h"

namespace likeness {
namespace {

using Trainings = v1::TrainingService::Stub;
using TrainStream = grpc::ClientReaderWriter<v1::TrainRequest, v1::TrainResponse>;

// Sends the configuration and all photos. An error is one of next_photo(): what becomes of the stream, its end tells.
absl::Status Send(const v1::TrainingConfig& config, const TrainingClient::Exchange& exchange, TrainStream& stream) {
  v1::TrainRequest request;
  *request.mutable_config() = config;
  while (stream.Write(request)) {
    absl::StatusOr<std::optional<v1::LabelledPhoto>> photo = exchange.next_photo();
    if (!photo.ok()) return photo.status();
    if (!photo->has_value()) {
      stream.WritesDone();
      break;
    }
    *request.mutable_photo() = **std::move(photo);
  }
  return absl::OkStatus();
}

// What the stream of a training came to: the last it said, unless it ended before the training did.
absl::StatusOr<v1::Training> Outcome(std::optional<v1::Training> last, bool left, const grpc::Status& status) {
  if (left) return *std::move(last);
  if (!status.ok()) return ToAbslStatus(status);
  if (last.has_value() && HasEnded(*last)) return *std::move(last);
  return absl::UnavailableError("the server ended the call before the training had ended");
}

}  // namespace

bool HasEnded(const v1::Training& training) {
  return training.state() == v1::TRAINING_STATE_SUCCEEDED || training.state() == v1::TRAINING_STATE_FAILED ||
         training.state() == v1::TRAINING_STATE_CANCELLED;
}

TrainingClient::TrainingClient(const Options& options) : TrainingClient(Connect(options), options) {}

TrainingClient::TrainingClient(std::shared_ptr<grpc::Channel> channel, const Options& options)
    : trainings_(v1::TrainingService::NewStub(std::move(channel))), timeout_(options.timeout) {}

// Rejections arrive while photos are sent; a caller that did not read them could stall the server, so two threads.
absl::StatusOr<v1::Training> TrainingClient::Train(const v1::TrainingConfig& config, const Exchange& exchange,
                                                   std::stop_token stop) {
  grpc::ClientContext context;
  const std::unique_ptr<TrainStream> stream = trainings_->Train(&context);
  const std::stop_callback cancel(std::move(stop), [&context] { context.TryCancel(); });
  absl::Status sent;
  std::jthread sender([&] {
    sent = Send(config, exchange, *stream);
    if (!sent.ok()) context.TryCancel();
  });
  std::optional<v1::Training> last;
  bool left = false;
  v1::TrainResponse response;
  while (!left && stream->Read(&response)) {
    if (response.has_rejected_photo()) {
      if (exchange.on_rejected_photo) exchange.on_rejected_photo(response.rejected_photo());
    } else if (response.has_training()) {
      last = std::move(*response.mutable_training());
      left = exchange.on_training && !exchange.on_training(*last);
    }
  }
  if (left) context.TryCancel();
  sender.join();
  const grpc::Status status = stream->Finish();
  if (!sent.ok()) return sent;
  return Outcome(std::move(last), left, status);
}

absl::StatusOr<v1::Training> TrainingClient::Watch(const std::string& training_id,
                                                   const std::function<bool(const v1::Training&)>& on_training,
                                                   std::stop_token stop) {
  grpc::ClientContext context;
  v1::WatchTrainingRequest request;
  request.set_training_id(training_id);
  const auto stream = trainings_->WatchTraining(&context, request);
  const std::stop_callback cancel(std::move(stop), [&context] { context.TryCancel(); });
  std::optional<v1::Training> last;
  bool left = false;
  v1::WatchTrainingResponse response;
  while (!left && stream->Read(&response)) {
    last = std::move(*response.mutable_training());
    left = on_training && !on_training(*last);
  }
  if (left) context.TryCancel();
  return Outcome(std::move(last), left, stream->Finish());
}

absl::StatusOr<v1::GetTrainingResponse> TrainingClient::GetTraining(const v1::GetTrainingRequest& request) {
  return CallUntil(absl::Now() + timeout_, *trainings_, &Trainings::GetTraining, request);
}

absl::StatusOr<v1::ListTrainingsResponse> TrainingClient::ListTrainings(const v1::ListTrainingsRequest& request) {
  return CallUntil(absl::Now() + timeout_, *trainings_, &Trainings::ListTrainings, request);
}

absl::StatusOr<v1::CancelTrainingResponse> TrainingClient::CancelTraining(const v1::CancelTrainingRequest& request) {
  return CallUntil(absl::Now() + timeout_, *trainings_, &Trainings::CancelTraining, request);
}

}  // namespace likeness
