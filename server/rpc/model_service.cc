#include "server/rpc/model_service.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/bundle_file/measured_bundle.h"
#include "server/errors/errors.h"
#include "server/rpc/admin_calls.h"
#include "server/rpc/conversions.h"

namespace likeness {
namespace {

constexpr int kPersonsNamed = 1000;
constexpr int64_t kNeverReached = std::numeric_limits<int64_t>::max();
constexpr size_t kPieceBytes = 1 << 20;
constexpr size_t kMaxMeasurementsBytes = 8 << 20;

absl::StatusOr<ModelDigest> ReadDigest(const std::string& hex) {
  const std::optional<ModelDigest> digest = ModelDigest::FromHex(hex);
  if (!digest.has_value()) return InvalidField("digest", "digest is not 64 hex digits");
  return *digest;
}

void SetCoverage(const ModelCoverage& coverage, v1::ActivateModelResponse& response) {
  response.set_embedded_references(coverage.embedded);
  response.set_total_references(coverage.references);
  response.set_references_without_crop(coverage.references - coverage.embedded - coverage.embeddable);
}

// A digest only: whoever calls may send any text.
AdminCalls::Subject SubjectOf(const std::string& digest) {
  return {.person_id = {}, .model = ModelDigest::FromHex(digest).has_value() ? digest : std::string()};
}

}  // namespace

ModelService::ModelService(ModelFolder& folder, Gallery& gallery, const ActiveGeneration& active,
                           Activations& activations, const AdminCalls& calls)
    : folder_(folder), gallery_(gallery), active_(active), activations_(activations), calls_(calls) {}

v1::ModelRecord ModelService::RecordOf(const ModelEntry& entry) const {
  v1::ModelRecord record;
  *record.mutable_model() = ToProto(entry.manifest, entry.digest);
  record.set_active(active_.Get()->embedder->digest() == entry.digest);
  *record.mutable_create_time() = ToProto(entry.create_time);
  record.set_training_id(entry.training_id);
  *record.mutable_threshold() = ToProto(ThresholdOf(entry.manifest, activations_.threshold_rule()));
  return record;
}

grpc::Status ModelService::ListModels(grpc::ServerContext* context, const v1::ListModelsRequest*,
                                      v1::ListModelsResponse* response) {
  return calls_.Run(*context, "ListModels", [&] {
    for (const ModelEntry& entry : folder_.List()) *response->add_models() = RecordOf(entry);
    std::stable_partition(response->mutable_models()->begin(), response->mutable_models()->end(),
                          [](const v1::ModelRecord& model) { return model.active(); });
    return absl::OkStatus();
  });
}

grpc::Status ModelService::GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                                    v1::GetModelResponse* response) {
  return calls_.Run(*context, "GetModel", [&]() -> absl::Status {
    const absl::StatusOr<ModelDigest> digest = ReadDigest(request->digest());
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<ModelEntry> entry = folder_.Find(*digest);
    if (!entry.ok()) return entry.status();
    *response->mutable_model() = RecordOf(*entry);
    return absl::OkStatus();
  });
}

grpc::Status ModelService::ActivateModel(grpc::ServerContext* context, const v1::ActivateModelRequest* request,
                                         grpc::ServerWriter<v1::ActivateModelResponse>* writer) {
  return calls_.RunAudited(*context, "ActivateModel", SubjectOf(request->digest()),
                           [&] { return Activate(*context, *request, *writer); });
}

absl::StatusOr<v1::ActivateModelResponse> ModelService::FirstAnswer(const ModelEntry& entry) const {
  v1::ActivateModelResponse response;
  *response.mutable_threshold_before() = ToProto(active_.Get()->threshold);
  *response.mutable_threshold_after() = ToProto(ThresholdOf(entry.manifest, activations_.threshold_rule()));
  const EmbeddingSources sources = activations_.SourcesOf(entry);
  const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(entry.digest, sources);
  if (!coverage.ok()) return coverage.status();
  SetCoverage(*coverage, response);
  if (response.references_without_crop() > 0) {
    const absl::StatusOr<std::vector<std::string>> persons =
        gallery_.PersonsWithoutCrop(entry.digest, sources, kPersonsNamed);
    if (!persons.ok()) return persons.status();
    for (const std::string& person : *persons) response.add_persons_left_behind(person);
  }
  return response;
}

absl::Status ModelService::Activate(const grpc::ServerContext& context, const v1::ActivateModelRequest& request,
                                    grpc::ServerWriter<v1::ActivateModelResponse>& writer) {
  const absl::StatusOr<ModelDigest> digest = ReadDigest(request.digest());
  if (!digest.ok()) return digest.status();
  const absl::StatusOr<ModelEntry> entry = folder_.Find(*digest);
  if (!entry.ok()) return entry.status();
  // Before a refusal too: it is who has to be enrolled again, and what would decide.
  absl::StatusOr<v1::ActivateModelResponse> response = FirstAnswer(*entry);
  if (!response.ok()) return response.status();
  writer.Write(*response);
  const ActivationConsent consent{.leave_behind = request.leave_behind(), .unmeasured = request.unmeasured()};
  const absl::StatusOr<std::string> operation = activations_.Begin(*digest, consent);
  if (!operation.ok()) return operation.status();
  response->set_operation(*operation);
  if (!operation->empty()) {
    if (absl::Status status = TellProgress(context, *operation, *response, writer); !status.ok()) return status;
  }
  // Begun on another server, or active there already: it answers here as soon as this server has followed.
  while (!(active_.Get()->embedder->digest() == *digest)) {
    if (absl::Status wanted = calls_.CheckStillWanted(context); !wanted.ok()) return wanted;
    const absl::StatusOr<ModelChoice> choice = gallery_.coordination().ReadModelChoice();
    if (!choice.ok()) return choice.status();
    if (!(choice->active.value_or(folder_.base().digest) == *digest)) {
      return MakeError(Reason::ACTIVATION_RUNNING, "another model was activated since");
    }
    const absl::Status followed = activations_.Follow();
    if (!followed.ok() && ReasonOf(followed) != Reason::ACTIVATION_RUNNING) return followed;
    absl::SleepFor(kLookForCaller);
  }
  response->set_active(true);
  writer.Write(*response);
  return absl::OkStatus();
}

absl::Status ModelService::TellProgress(const grpc::ServerContext& context, const std::string& operation,
                                        v1::ActivateModelResponse& response,
                                        grpc::ServerWriter<v1::ActivateModelResponse>& writer) {
  while (true) {
    if (absl::Status wanted = calls_.CheckStillWanted(context); !wanted.ok()) return wanted;  // the activation goes on
    const absl::StatusOr<ActivationProgress> progress = activations_.ProgressOf(operation);
    if (!progress.ok()) return progress.status();
    if (!progress->running && !progress->outcome.ok()) return progress->outcome;
    if (progress->coverage.references > 0) SetCoverage(progress->coverage, response);
    if (!progress->running) {
      response.set_revision(progress->revision);
      return absl::OkStatus();
    }
    writer.Write(response);
    // What another server works on has no changes that this one hears of.
    activations_.AwaitChange(progress->changes > 0 ? progress->changes : kNeverReached, kLookForCaller);
  }
}

grpc::Status ModelService::AllowModel(grpc::ServerContext* context, const v1::AllowModelRequest* request,
                                      v1::AllowModelResponse* response) {
  return calls_.RunAudited(*context, "AllowModel", SubjectOf(request->digest()), [&]() -> absl::Status {
    const absl::StatusOr<ModelDigest> digest = ReadDigest(request->digest());
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<int64_t> revision = activations_.Allow(*digest);
    if (!revision.ok()) return revision.status();
    const absl::StatusOr<ModelEntry> entry = folder_.Find(*digest);
    if (!entry.ok()) return entry.status();
    *response->mutable_model() = ToProto(entry->manifest, *digest);
    response->set_revision(*revision);
    return absl::OkStatus();
  });
}

grpc::Status ModelService::AddMeasurements(grpc::ServerContext* context, const v1::AddMeasurementsRequest* request,
                                           v1::AddMeasurementsResponse* response) {
  return calls_.RunAudited(*context, "AddMeasurements", SubjectOf(request->digest()), [&]() -> absl::Status {
    const absl::StatusOr<ModelEntry> entry = AddMeasured(*request);
    if (!entry.ok()) return entry.status();
    const absl::StatusOr<int64_t> revision = activations_.Allow(entry->digest);
    if (!revision.ok()) return revision.status();
    *response->mutable_model() = ToProto(entry->manifest, entry->digest);
    response->set_revision(*revision);
    return absl::OkStatus();
  });
}

absl::StatusOr<ModelEntry> ModelService::AddMeasured(const v1::AddMeasurementsRequest& request) {
  if (request.measurements().size() > kMaxMeasurementsBytes) {
    return InvalidField("measurements", "measurements must have at most 8 MiB");
  }
  const absl::StatusOr<ModelDigest> digest = ReadDigest(request.digest());
  if (!digest.ok()) return digest.status();
  // What is made of it is allowed, so nothing may be made of what is not.
  const absl::StatusOr<VerifiedModel> model = activations_.ReadForUse(*digest);
  if (!model.ok()) return model.status();
  const absl::StatusOr<MeasuredBundle> measured = ReplaceMeasurements(model->bundle.bytes(), request.measurements());
  if (absl::IsInvalidArgument(measured.status())) return InvalidField("measurements", measured.status().message());
  if (!measured.ok()) return measured.status();
  if (const auto manifest = ParseBundleManifest(measured->manifest); !manifest.ok()) {
    return InvalidField("measurements", manifest.status().message());
  }
  return folder_.Add(measured->bytes, measured->manifest, /*training_id=*/"", absl::Now());
}

grpc::Status ModelService::DeleteModel(grpc::ServerContext* context, const v1::DeleteModelRequest* request,
                                       v1::DeleteModelResponse* response) {
  return calls_.RunAudited(*context, "DeleteModel", SubjectOf(request->digest()), [&]() -> absl::Status {
    const absl::StatusOr<ModelDigest> digest = ReadDigest(request->digest());
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<EmbeddingDeletion> deletion = activations_.Delete(folder_, *digest);
    if (!deletion.ok()) return deletion.status();
    response->set_deleted_embeddings(deletion->embeddings);
    response->set_revision(deletion->revision);
    return absl::OkStatus();
  });
}

grpc::Status ModelService::ExportModel(grpc::ServerContext* context, const v1::ExportModelRequest* request,
                                       grpc::ServerWriter<v1::ExportModelResponse>* writer) {
  return calls_.RunAudited(*context, "ExportModel", SubjectOf(request->digest()),
                           [&] { return Export(*request, *writer); });
}

absl::Status ModelService::Export(const v1::ExportModelRequest& request,
                                  grpc::ServerWriter<v1::ExportModelResponse>& writer) const {
  const absl::StatusOr<ModelDigest> digest = ReadDigest(request.digest());
  if (!digest.ok()) return digest.status();
  const absl::StatusOr<VerifiedModel> model = folder_.Read(*digest);
  if (!model.ok()) return model.status();
  const absl::string_view bytes = model->bundle.bytes();
  for (size_t from = 0; from < bytes.size(); from += kPieceBytes) {
    v1::ExportModelResponse response;
    response.set_content(std::string(bytes.substr(from, kPieceBytes)));
    if (!writer.Write(response)) return CallerGone();
  }
  return absl::OkStatus();
}

}  // namespace likeness
