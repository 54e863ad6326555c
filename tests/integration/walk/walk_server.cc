#include "tests/integration/walk/walk_server.h"

#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "client/call_status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/integration/photos.h"
#include "tests/integration/walk/material.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;

// Longer than the server lets anything take, so that no answer is lost by the caller's impatience.
constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kActivationTimeout = absl::Seconds(60);
constexpr char kNobody[] = "nobody";
constexpr size_t kLogShown = 1500;

// Refusals that tell that nothing was changed. Any other failure may hide an effect.
bool IsRefusal(const std::string& reason) {
  static const auto& reasons =
      *new std::set<std::string>{"DUPLICATE_OF",    "REFERENCE_MISMATCH", "PERSON_NOT_FOUND",  "REFERENCE_NOT_FOUND",
                                 "MODEL_NOT_FOUND", "MODEL_IN_USE",       "MODEL_NOT_ALLOWED", "ACTIVATION_RUNNING"};
  return reasons.contains(reason);
}

template <typename Response>
void TakeDown(const absl::StatusOr<Response>& response, Change& change) {
  if (response.ok()) {
    change.answer = Answer::kDone;
    change.revision = response->revision();
    return;
  }
  change.reason = ErrorReasonOf(response.status());
  if (change.reason.empty()) change.reason = "gRPC's " + ErrorNameOf(response.status());
  if (IsRefusal(change.reason)) {
    change.answer = Answer::kRefused;
  } else {
    change.answer = Answer::kUnknown;
    change.message = std::string(response.status().message());
  }
}

}  // namespace

WalkServer::WalkServer(std::vector<std::string> flags) : flags_(std::move(flags)) {}

absl::Status WalkServer::Start() {
  PutWalkModels(models_folder());
  // Rather the way of a face through the house than whether it is a good photo.
  std::vector<std::string> flags = {"--duplicates=refuse", "--quality-gate=off", "--probe-gate=off",
                                    "--log-level=warning", "--models-folder=" + models_folder()};
  flags.insert(flags.end(), flags_.begin(), flags_.end());
  auto started = ServerProcess::Start({.folder = folder(), .flags = std::move(flags)});
  if (!started.ok()) return started.status();
  server_ = *std::move(started);
  client_ = std::make_unique<Client>(server_->Connect(), Client::Options{.target = "", .timeout = kCallTimeout});
  models_ =
      std::make_unique<ModelClient>(server_->Connect(), ModelClient::Options{.target = "", .timeout = kCallTimeout});
  return absl::OkStatus();
}

void WalkServer::Kill() {
  if (server_ == nullptr) return;
  server_->Kill();
  server_.reset();
}

int WalkServer::Stop() {
  server_->Terminate();
  const int exit_code = server_->Wait();
  server_.reset();
  return exit_code;
}

void WalkServer::Make(Change& change) {
  switch (change.kind) {
    case Kind::kEnrol:
      return Enrol(change);
    case Kind::kDeletePerson: {
      v1::DeletePersonRequest request;
      request.set_person_id(change.person);
      return TakeDown(client_->DeletePerson(request), change);
    }
    case Kind::kDeleteReference: {
      v1::DeleteReferenceRequest request;
      request.set_person_id(change.person);
      request.set_reference_id(change.reference);
      return TakeDown(client_->DeleteReference(request), change);
    }
    case Kind::kActivate:
      return Activate(change);
    case Kind::kDeleteModel: {
      v1::DeleteModelRequest request;
      request.set_digest(change.model);
      return TakeDown(models_->DeleteModel(request), change);
    }
    case Kind::kAllowModel: {
      v1::AllowModelRequest request;
      request.set_digest(change.model);
      return TakeDown(models_->AllowModel(request), change);
    }
  }
}

void WalkServer::Enrol(Change& change) {
  v1::EnrollRequest request;
  request.set_person_id(change.person);
  request.set_request_id(change.request_id);
  request.add_photos(WalkPhotos()[static_cast<size_t>(change.face)]);
  const auto response = client_->Enroll(request);
  TakeDown(response, change);
  if (!response.ok()) return;
  change.replayed = response->replayed();
  if (response->references_size() == 1) change.new_reference = response->references(0).reference_id();
}

void WalkServer::Activate(Change& change) {
  v1::ActivateModelRequest request;
  request.set_digest(change.model);
  std::stop_source stop;
  absl::Notification done;
  const std::jthread patience([&] {
    if (!done.WaitForNotificationWithTimeout(kActivationTimeout)) stop.request_stop();
  });
  TakeDown(models_->ActivateModel(request, nullptr, stop.get_token()), change);
  done.Notify();
}

absl::StatusOr<v1::VerifyResponse> WalkServer::Verify(const std::string& person, int face, int64_t min_revision) {
  v1::VerifyRequest request;
  request.set_person_id(person);
  request.set_photo(WalkPhotos()[static_cast<size_t>(face)]);
  request.set_min_revision(min_revision);
  return client_->Verify(request);
}

absl::Status WalkServer::TryEnrolment(int face) {
  v1::EnrollRequest request;
  request.set_person_id(kNobody);
  request.add_photos(WalkPhotos()[static_cast<size_t>(face)]);
  request.set_validate_only(true);
  return client_->Enroll(request).status();
}

absl::StatusOr<ListedPersons> WalkServer::List() {
  v1::ListPersonsRequest request;
  request.set_page_size(1000);
  const auto response = client_->ListPersons(request);
  if (!response.ok()) return response.status();
  ListedPersons listed;
  for (const v1::Person& person : response->persons()) {
    std::set<std::string>& references = listed[person.person_id()];
    for (const v1::Reference& reference : person.references()) references.insert(reference.reference_id());
  }
  return listed;
}

absl::StatusOr<std::string> WalkServer::ActiveModel() {
  const auto response = models_->ListModels({});
  if (!response.ok()) return response.status();
  for (const v1::ModelRecord& record : response->models()) {
    if (record.active()) return record.model().digest();
  }
  return absl::NotFoundError("no model of the list is active");
}

bool WalkServer::GalleryServes() {
  const auto health = client_->Health("gallery");
  return health.ok() && health->status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

std::string WalkServer::LastOfLog() const {
  const std::string log = ReadFile(folder() + "/server.log");
  return log.size() > kLogShown ? log.substr(log.size() - kLogShown) : log;
}

}  // namespace likeness
