#include "server/rpc/face_verification_service.h"

namespace likeness {

grpc::ServerUnaryReactor* FaceVerificationService::Verify(Context* context, const v1::VerifyRequest* request,
                                                          v1::VerifyResponse* response) {
  return dispatcher_.Run(context, "Verify", Lane::kVerify,
                         [this, request, response](const Caller& caller, StillWanted still_wanted) {
                           const absl::Status status = methods_.Verify(*request, caller, still_wanted, *response);
                           audit_.Record({.method = "Verify",
                                          .caller = caller.name,
                                          .person_id = request->person_id(),
                                          .status = status,
                                          .verified = response->verified(),
                                          .model = response->model().digest()});
                           return status;
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::Compare(Context* context, const v1::CompareRequest* request,
                                                           v1::CompareResponse* response) {
  return dispatcher_.Run(context, "Compare", Lane::kVerify,
                         [this, request, response](const Caller&, StillWanted still_wanted) {
                           return methods_.Compare(*request, still_wanted, *response);
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::Embed(Context* context, const v1::EmbedRequest* request,
                                                         v1::EmbedResponse* response) {
  return dispatcher_.Run(context, "Embed", Lane::kVerify,
                         [this, request, response](const Caller&, StillWanted still_wanted) {
                           return methods_.Embed(*request, still_wanted, *response);
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::Enroll(Context* context, const v1::EnrollRequest* request,
                                                          v1::EnrollResponse* response) {
  return dispatcher_.Run(context, "Enroll", Lane::kGallery,
                         [this, request, response](const Caller& caller, StillWanted still_wanted) {
                           const absl::Status status = methods_.Enroll(*request, caller, still_wanted, *response);
                           audit_.Record({.method = "Enroll",
                                          .caller = caller.name,
                                          .person_id = request->person_id(),
                                          .status = status,
                                          .model = response->model().digest()});
                           return status;
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::GetPerson(Context* context, const v1::GetPersonRequest* request,
                                                             v1::GetPersonResponse* response) {
  return dispatcher_.Run(context, "GetPerson", Lane::kGallery,
                         [this, request, response](const Caller&, StillWanted still_wanted) {
                           return methods_.GetPerson(*request, still_wanted, *response);
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::ListPersons(Context* context, const v1::ListPersonsRequest* request,
                                                               v1::ListPersonsResponse* response) {
  return dispatcher_.Run(context, "ListPersons", Lane::kGallery,
                         [this, request, response](const Caller&, StillWanted still_wanted) {
                           return methods_.ListPersons(*request, still_wanted, *response);
                         });
}

grpc::ServerUnaryReactor* FaceVerificationService::DeletePerson(Context* context,
                                                                const v1::DeletePersonRequest* request,
                                                                v1::DeletePersonResponse* response) {
  return dispatcher_.Run(
      context, "DeletePerson", Lane::kGallery,
      [this, request, response](const Caller& caller, StillWanted still_wanted) {
        const absl::Status status = methods_.DeletePerson(*request, still_wanted, *response);
        audit_.Record(
            {.method = "DeletePerson", .caller = caller.name, .person_id = request->person_id(), .status = status});
        return status;
      });
}

grpc::ServerUnaryReactor* FaceVerificationService::DeleteReference(Context* context,
                                                                   const v1::DeleteReferenceRequest* request,
                                                                   v1::DeleteReferenceResponse* response) {
  return dispatcher_.Run(
      context, "DeleteReference", Lane::kGallery,
      [this, request, response](const Caller& caller, StillWanted still_wanted) {
        const absl::Status status = methods_.DeleteReference(*request, still_wanted, *response);
        audit_.Record(
            {.method = "DeleteReference", .caller = caller.name, .person_id = request->person_id(), .status = status});
        return status;
      });
}

}  // namespace likeness
