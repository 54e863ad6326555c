#include "server/rpc/face_verification_service.h"

namespace likeness {

grpc::ServerUnaryReactor* FaceVerificationService::Verify(Context* context, const v1::VerifyRequest* request,
                                                          v1::VerifyResponse* response) {
  return dispatcher_.Run(context, "Verify", [this, request, response](StillWanted still_wanted) {
    return methods_.Verify(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::Compare(Context* context, const v1::CompareRequest* request,
                                                           v1::CompareResponse* response) {
  return dispatcher_.Run(context, "Compare", [this, request, response](StillWanted still_wanted) {
    return methods_.Compare(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::Embed(Context* context, const v1::EmbedRequest* request,
                                                         v1::EmbedResponse* response) {
  return dispatcher_.Run(context, "Embed", [this, request, response](StillWanted still_wanted) {
    return methods_.Embed(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::Enroll(Context* context, const v1::EnrollRequest* request,
                                                          v1::EnrollResponse* response) {
  return dispatcher_.Run(context, "Enroll", [this, request, response](StillWanted still_wanted) {
    return methods_.Enroll(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::GetPerson(Context* context, const v1::GetPersonRequest* request,
                                                             v1::GetPersonResponse* response) {
  return dispatcher_.Run(context, "GetPerson", [this, request, response](StillWanted still_wanted) {
    return methods_.GetPerson(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::ListPersons(Context* context, const v1::ListPersonsRequest* request,
                                                               v1::ListPersonsResponse* response) {
  return dispatcher_.Run(context, "ListPersons", [this, request, response](StillWanted still_wanted) {
    return methods_.ListPersons(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::DeletePerson(Context* context,
                                                                const v1::DeletePersonRequest* request,
                                                                v1::DeletePersonResponse* response) {
  return dispatcher_.Run(context, "DeletePerson", [this, request, response](StillWanted still_wanted) {
    return methods_.DeletePerson(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::DeleteReference(Context* context,
                                                                   const v1::DeleteReferenceRequest* request,
                                                                   v1::DeleteReferenceResponse* response) {
  return dispatcher_.Run(context, "DeleteReference", [this, request, response](StillWanted still_wanted) {
    return methods_.DeleteReference(*request, still_wanted, *response);
  });
}

}  // namespace likeness
