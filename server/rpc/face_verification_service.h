// FaceVerificationService on gRPC's callback API: hands every call to the dispatcher.
#ifndef LIKENESS_SERVER_RPC_FACE_VERIFICATION_SERVICE_H_
#define LIKENESS_SERVER_RPC_FACE_VERIFICATION_SERVICE_H_

#include "likeness/v1/face_verification_service.grpc.pb.h"
#include "server/audit/audit_trail.h"
#include "server/rpc/call_dispatcher.h"
#include "server/rpc/face_verification.h"

namespace likeness {

// Thread-safe.
class FaceVerificationService : public v1::FaceVerificationService::CallbackService {
 public:
  // All must outlive every call.
  FaceVerificationService(FaceVerification& methods, CallDispatcher& dispatcher, const AuditTrail& audit)
      : methods_(methods), dispatcher_(dispatcher), audit_(audit) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* Verify(Context* context, const v1::VerifyRequest* request, v1::VerifyResponse* response) override;
  Reactor* Compare(Context* context, const v1::CompareRequest* request, v1::CompareResponse* response) override;
  Reactor* Embed(Context* context, const v1::EmbedRequest* request, v1::EmbedResponse* response) override;
  Reactor* Enroll(Context* context, const v1::EnrollRequest* request, v1::EnrollResponse* response) override;
  Reactor* GetPerson(Context* context, const v1::GetPersonRequest* request, v1::GetPersonResponse* response) override;
  Reactor* ListPersons(Context* context, const v1::ListPersonsRequest* request,
                       v1::ListPersonsResponse* response) override;
  Reactor* DeletePerson(Context* context, const v1::DeletePersonRequest* request,
                        v1::DeletePersonResponse* response) override;
  Reactor* DeleteReference(Context* context, const v1::DeleteReferenceRequest* request,
                           v1::DeleteReferenceResponse* response) override;

 private:
  FaceVerification& methods_;
  CallDispatcher& dispatcher_;
  const AuditTrail& audit_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_FACE_VERIFICATION_SERVICE_H_
