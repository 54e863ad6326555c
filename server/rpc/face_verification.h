// What the methods of FaceVerificationService do, without gRPC: domain logic only.
#ifndef LIKENESS_SERVER_RPC_FACE_VERIFICATION_H_
#define LIKENESS_SERVER_RPC_FACE_VERIFICATION_H_

#include "absl/status/status.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "server/access/caller.h"
#include "server/access/mismatch_budget.h"
#include "server/encoding/face_encoder.h"
#include "server/gallery/gallery.h"
#include "server/models/generation.h"
#include "server/rpc/enroller.h"
#include "server/verification/decision.h"

namespace likeness {

// Thread-safe. A call sees one model from its start to its end. Every method fills `response` when it returns OK;
// otherwise what is in it means nothing.
class FaceVerification {
 public:
  struct Options {
    EnrollerOptions enrolling;
    ReferencePolicy reference_policy = ReferencePolicy::kMeanEmbedding;
    QualityGate probe_gate = QualityGate::kStandard;  // of a Verify or Compare that names none
    double target_fmr = 1e-3;                         // of the server
  };

  // All must outlive it.
  FaceVerification(const FaceEncoder& encoder, const ActiveGeneration& active, Gallery& gallery, MismatchBudget& budget,
                   Metrics& metrics, Options options);

  absl::Status Verify(const v1::VerifyRequest& request, const Caller& caller, StillWanted still_wanted,
                      v1::VerifyResponse& response);
  absl::Status Compare(const v1::CompareRequest& request, StillWanted still_wanted, v1::CompareResponse& response);
  absl::Status Embed(const v1::EmbedRequest& request, StillWanted still_wanted, v1::EmbedResponse& response);
  absl::Status Enroll(const v1::EnrollRequest& request, const Caller& caller, StillWanted still_wanted,
                      v1::EnrollResponse& response);
  absl::Status GetPerson(const v1::GetPersonRequest& request, StillWanted still_wanted,
                         v1::GetPersonResponse& response);
  absl::Status ListPersons(const v1::ListPersonsRequest& request, StillWanted still_wanted,
                           v1::ListPersonsResponse& response);
  absl::Status DeletePerson(const v1::DeletePersonRequest& request, StillWanted still_wanted,
                            v1::DeletePersonResponse& response);
  absl::Status DeleteReference(const v1::DeleteReferenceRequest& request, StillWanted still_wanted,
                               v1::DeleteReferenceResponse& response);

 private:
  // Encodes a probe of `method` once it has passed the gate; errors name the field.
  absl::StatusOr<EncodedFace> EncodeProbe(absl::string_view method, absl::string_view field, const Embedder& embedder,
                                          absl::string_view photo, FacePolicy policy, QualityGate gate,
                                          StillWanted still_wanted);
  absl::Status AwaitRevision(int64_t min_revision);

  const FaceEncoder& encoder_;
  const ActiveGeneration& active_;
  Gallery& gallery_;
  Metrics& metrics_;
  MismatchBudget& budget_;
  const Options options_;
  Enroller enroller_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_FACE_VERIFICATION_H_
