#include "server/rpc/gallery_service.h"

#include "server/ids/check_id.h"
#include "server/rpc/conversions.h"
#include "server/rpc/operation_service.h"

namespace likeness {
namespace {

void Fill(const PersonData& data, v1::ExportPersonResponse& response) {
  *response.mutable_person() = ToProto(data.person);
  for (const ReferenceEmbedding& embedding : data.embeddings) {
    v1::StoredEmbedding& stored = *response.add_embeddings();
    stored.set_reference_id(embedding.reference_id);
    stored.set_model_digest(embedding.embedding.model.Hex());
    stored.mutable_embedding()->Assign(embedding.embedding.values.begin(), embedding.embedding.values.end());
  }
  for (const ReferenceCrop& crop : data.crops) {
    v1::StoredCrop& stored = *response.add_crops();
    stored.set_reference_id(crop.reference_id);
    stored.set_kind(crop.crop.kind);
    stored.set_picture(crop.crop.picture);
  }
  response.set_enrolled_by(data.enrolled_by);
  response.mutable_request_ids()->Assign(data.request_ids.begin(), data.request_ids.end());
}

}  // namespace

grpc::Status GalleryService::ExportPerson(grpc::ServerContext* context, const v1::ExportPersonRequest* request,
                                          v1::ExportPersonResponse* response) {
  return calls_.RunAudited(*context, "ExportPerson", {.person_id = request->person_id()}, [&]() -> absl::Status {
    if (absl::Status status = CheckId("person_id", request->person_id(), kKnownId); !status.ok()) return status;
    const absl::StatusOr<PersonData> data = gallery_.ReadPersonData(request->person_id());
    if (!data.ok()) return data.status();
    Fill(*data, *response);
    return absl::OkStatus();
  });
}

grpc::Status GalleryService::RotateKeys(grpc::ServerContext* context, const v1::RotateKeysRequest*,
                                        v1::RotateKeysResponse* response) {
  return calls_.RunAudited(*context, "RotateKeys", {}, [&]() -> absl::Status {
    const absl::StatusOr<OperationRecord> operation = rotations_.Begin();
    if (!operation.ok()) return operation.status();
    *response->mutable_operation() = ToProto(*operation);
    return absl::OkStatus();
  });
}

}  // namespace likeness
