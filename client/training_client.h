// The C++ client of likeness' TrainingService: begins trainings, watches, lists and ends them.
#ifndef LIKENESS_CLIENT_TRAINING_CLIENT_H_
#define LIKENESS_CLIENT_TRAINING_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/call_status.h"
#include "client/client.h"
#include "likeness/v1/training_service.grpc.pb.h"

namespace likeness {

// Whether nothing of a training will change any more: it succeeded, failed or was cancelled.
bool HasEnded(const v1::Training& training);

// Thread-safe: any number of calls may be in flight at once; they share one connection. Errors are as Client's.
//
//   TrainingClient client({.target = "localhost:50051"});
//   absl::StatusOr<v1::Training> training = client.Train(config, {
//       .next_photo = [&] { return photos.Next(); },
//       .on_training = [](const v1::Training& now) { Show(now.progress()); return true; }});
//   if (training.ok() && training->state() == v1::TRAINING_STATE_SUCCEEDED) Use(training->result().model());
class TrainingClient {
 public:
  // `timeout` bounds GetTraining, ListTrainings and CancelTraining; Train and Watch take as long as the training does.
  using Options = Client::Options;

  // What the caller of Train() gives and hears. The functions may be left empty, apart from `next_photo`.
  struct Exchange {
    // The next photo; nothing when there are no more. An error ends the call with that error, and the server keeps
    // nothing of it. Asked from a thread of its own, only when the photo before has left, so that photos need not be in
    // memory together.
    std::function<absl::StatusOr<std::optional<v1::LabelledPhoto>>()> next_photo = {};
    // A photo that the server cannot use; perhaps while others are still being sent.
    std::function<void(const v1::RejectedPhoto&)> on_rejected_photo = {};
    // The training each time it has changed, the first time once it is queued. False leaves the call; the training goes
    // on without it.
    std::function<bool(const v1::Training&)> on_training = {};
  };

  // Connects at the first call.
  explicit TrainingClient(const Options& options);
  // Uses a channel of the caller's making. Ignores options.target.
  TrainingClient(std::shared_ptr<grpc::Channel> channel, const Options& options);

  // Sends photos, and returns the training as it ended, or as it was when on_training() left. CANCELLED when `stop` was
  // requested. A training that on_training() has heard of goes on after any error of this call; of photos that had not
  // all been sent nothing is kept. Refusals (RESOURCE_EXHAUSTED) are not repeated.
  absl::StatusOr<v1::Training> Train(const v1::TrainingConfig& config, const Exchange& exchange,
                                     std::stop_token stop = {});

  // Returns the training as it ended, or as it was when on_training() left. CANCELLED when `stop` was requested.
  absl::StatusOr<v1::Training> Watch(const std::string& training_id,
                                     const std::function<bool(const v1::Training&)>& on_training,
                                     std::stop_token stop = {});

  absl::StatusOr<v1::GetTrainingResponse> GetTraining(const v1::GetTrainingRequest& request);
  absl::StatusOr<v1::ListTrainingsResponse> ListTrainings(const v1::ListTrainingsRequest& request);
  absl::StatusOr<v1::CancelTrainingResponse> CancelTraining(const v1::CancelTrainingRequest& request);

 private:
  std::unique_ptr<v1::TrainingService::Stub> trainings_;
  absl::Duration timeout_;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_CLIENT_H_
