#include "server/rpc/model_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/bundle_file/measured_bundle.h"
#include "server/rpc/admin_calls.h"
#include "server/rpc/conversions.h"

namespace likeness {
namespace {

constexpr int kPersonsNamed = 1000;
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
  if (absl::Status status = activations_.Begin(*digest, consent); !status.ok()) return status;

  int64_t seen = 0;
  while (true) {
    if (absl::Status wanted = calls_.CheckStillWanted(context); !wanted.ok()) return wanted;  // the activation goes on
    const std::optional<ActivationProgress> progress = activations_.AwaitChange(seen, kLookForCaller);
    if (progress->changes == seen) continue;
    seen = progress->changes;
    if (!(progress->model == *digest)) return MakeError(Reason::ACTIVATION_RUNNING, "another activation has begun");
    if (!progress->running && !progress->outcome.ok()) return progress->outcome;
    if (progress->coverage.references > 0) SetCoverage(progress->coverage, *response);
    response->set_active(!progress->running);
    if (!progress->running) response->set_revision(progress->revision);
    writer.Write(*response);
    if (!progress->running) return absl::OkStatus();
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
