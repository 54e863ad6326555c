#include "server/rpc/training_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/ids/check_id.h"
#include "server/rpc/admin_calls.h"

namespace likeness {
namespace {

// A training may change a hundred times a second; nobody reads that fast.
constexpr absl::Duration kBetweenReports = absl::Milliseconds(100);

// Whether a photo is left out and others may follow.
bool IsRejection(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case Reason::PHOTO_EMPTY:
    case Reason::PHOTO_FORMAT_UNSUPPORTED:
    case Reason::PHOTO_TOO_LARGE:
    case Reason::PHOTO_TOO_COSTLY:
    case Reason::PHOTO_TOO_SMALL:
    case Reason::PHOTO_CORRUPT:
    case Reason::FACE_NOT_FOUND:
      return true;
    default:
      return false;
  }
}

// Whoever trains chooses the photos, and so what the model does: that it answers is an admin's to decide.
absl::Status BoundPromotion(const Caller& caller, v1::TrainingConfig& config) {
  if (caller.activates) return absl::OkStatus();
  if (config.promotion_rule() == v1::PROMOTION_RULE_UNSPECIFIED) {
    config.set_promotion_rule(v1::PROMOTION_RULE_NEVER);
  }
  if (config.promotion_rule() == v1::PROMOTION_RULE_NEVER) return absl::OkStatus();
  return WithField(MakeError(Reason::SCOPE_MISSING,
                             "that the trained model answers takes the scope admin: train with PROMOTION_RULE_NEVER "
                             "(--promotion never), and let an admin activate the model"),
                   "config.promotion_rule");
}

}  // namespace

grpc::Status TrainingService::Train(grpc::ServerContext* context, TrainStream* stream) {
  return calls_.RunAudited(*context, "Train", {}, [&](const Caller& caller) -> absl::Status {
    const absl::StatusOr<std::string> id = ReceivePhotos(*context, caller, *stream);
    if (!id.ok()) return id.status();
    return Watch(*context, *id, [&](const v1::Training& training) {
      v1::TrainResponse response;
      *response.mutable_training() = training;
      return stream->Write(response);
    });
  });
}

absl::StatusOr<std::string> TrainingService::ReceivePhotos(const grpc::ServerContext& context, const Caller& caller,
                                                           TrainStream& stream) {
  const OpenCalls::Aside waiting = calls_.WaitForCaller();
  v1::TrainRequest request;
  if (!stream.Read(&request) || !request.has_config()) {
    return InvalidField("config", "the first message must be the configuration");
  }
  if (absl::Status status = BoundPromotion(caller, *request.mutable_config()); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<TrainingJobs::Upload>> upload = jobs_.Begin(request.config());
  if (!upload.ok()) return upload.status();
  const auto still_wanted = [&] { return calls_.CheckStillWanted(context); };
  for (int index = 0; stream.Read(&request); ++index) {
    if (!request.has_photo()) return InvalidField("photo", "every message but the first must be a photo");
    const absl::Status added = (*upload)->Add(request.photo(), still_wanted);
    if (added.ok()) continue;
    if (!IsRejection(added)) return added;
    v1::TrainResponse response;
    v1::RejectedPhoto& rejected = *response.mutable_rejected_photo();
    rejected.set_photo_index(index);
    rejected.set_reason(ReasonName(ReasonOf(added)));
    rejected.set_message(std::string(added.message()));
    (*upload)->NoteRejection(rejected);
    stream.Write(response);
  }
  // The stream also ends when the caller goes away.
  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  return (*upload)->Finish();
}

absl::Status TrainingService::Watch(const grpc::ServerContext& context, const std::string& id,
                                    absl::FunctionRef<bool(const v1::Training&)> send) const {
  int64_t seen = 0;
  while (true) {
    if (absl::Status wanted = calls_.CheckStillWanted(context); !wanted.ok()) return wanted;
    const absl::StatusOr<TrainingSnapshot> now = jobs_.AwaitChange(id, seen, kLookForCaller);
    if (!now.ok()) return now.status();
    if (now->changes == seen && !TrainingJobs::HasEnded(now->training)) continue;
    seen = now->changes;
    if (!send(now->training)) return CallerGone();
    if (TrainingJobs::HasEnded(now->training)) return absl::OkStatus();
    absl::SleepFor(kBetweenReports);
  }
}

grpc::Status TrainingService::GetTraining(grpc::ServerContext* context, const v1::GetTrainingRequest* request,
                                          v1::GetTrainingResponse* response) {
  return calls_.Run(*context, "GetTraining", [&]() -> absl::Status {
    if (absl::Status status = CheckId("training_id", request->training_id(), kNewId); !status.ok()) return status;
    absl::StatusOr<v1::Training> training = jobs_.Get(request->training_id());
    if (!training.ok()) return training.status();
    *response->mutable_training() = *std::move(training);
    return absl::OkStatus();
  });
}

grpc::Status TrainingService::ListTrainings(grpc::ServerContext* context, const v1::ListTrainingsRequest*,
                                            v1::ListTrainingsResponse* response) {
  return calls_.Run(*context, "ListTrainings", [&] {
    for (v1::Training& training : jobs_.List()) *response->add_trainings() = std::move(training);
    return absl::OkStatus();
  });
}

grpc::Status TrainingService::WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest* request,
                                            grpc::ServerWriter<v1::WatchTrainingResponse>* writer) {
  return calls_.Run(*context, "WatchTraining", [&]() -> absl::Status {
    if (absl::Status status = CheckId("training_id", request->training_id(), kNewId); !status.ok()) return status;
    return Watch(*context, request->training_id(), [writer](const v1::Training& training) {
      v1::WatchTrainingResponse response;
      *response.mutable_training() = training;
      return writer->Write(response);
    });
  });
}

grpc::Status TrainingService::CancelTraining(grpc::ServerContext* context, const v1::CancelTrainingRequest* request,
                                             v1::CancelTrainingResponse* response) {
  return calls_.RunAudited(*context, "CancelTraining", {}, [&]() -> absl::Status {
    if (absl::Status status = CheckId("training_id", request->training_id(), kNewId); !status.ok()) return status;
    absl::StatusOr<v1::Training> training = jobs_.Cancel(request->training_id());
    if (!training.ok()) return training.status();
    *response->mutable_training() = *std::move(training);
    return absl::OkStatus();
  });
}

}  // namespace likeness
