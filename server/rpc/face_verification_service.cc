#include "server/rpc/face_verification_service.h"

namespace likeness {

template <typename Request, typename Response>
grpc::ServerUnaryReactor* FaceVerificationService::Dispatch(Context* context, const char* name,
                                                            absl::Status (FaceVerification::*method)(const Request&,
                                                                                                     StillWanted,
                                                                                                     Response&),
                                                            const Request* request, Response* response) {
  return dispatcher_.Run(context, name, [this, method, request, response](StillWanted still_wanted) {
    return (methods_.*method)(*request, still_wanted, *response);
  });
}

grpc::ServerUnaryReactor* FaceVerificationService::Verify(Context* context, const v1::VerifyRequest* request,
                                                          v1::VerifyResponse* response) {
  return Dispatch(context, "Verify", &FaceVerification::Verify, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::Compare(Context* context, const v1::CompareRequest* request,
                                                           v1::CompareResponse* response) {
  return Dispatch(context, "Compare", &FaceVerification::Compare, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::Embed(Context* context, const v1::EmbedRequest* request,
                                                         v1::EmbedResponse* response) {
  return Dispatch(context, "Embed", &FaceVerification::Embed, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::Enroll(Context* context, const v1::EnrollRequest* request,
                                                          v1::EnrollResponse* response) {
  return Dispatch(context, "Enroll", &FaceVerification::Enroll, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::GetPerson(Context* context, const v1::GetPersonRequest* request,
                                                             v1::GetPersonResponse* response) {
  return Dispatch(context, "GetPerson", &FaceVerification::GetPerson, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::ListPersons(Context* context, const v1::ListPersonsRequest* request,
                                                               v1::ListPersonsResponse* response) {
  return Dispatch(context, "ListPersons", &FaceVerification::ListPersons, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::DeletePerson(Context* context,
                                                                const v1::DeletePersonRequest* request,
                                                                v1::DeletePersonResponse* response) {
  return Dispatch(context, "DeletePerson", &FaceVerification::DeletePerson, request, response);
}

grpc::ServerUnaryReactor* FaceVerificationService::DeleteReference(Context* context,
                                                                   const v1::DeleteReferenceRequest* request,
                                                                   v1::DeleteReferenceResponse* response) {
  return Dispatch(context, "DeleteReference", &FaceVerification::DeleteReference, request, response);
}

}  // namespace likeness
