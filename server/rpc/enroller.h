// What Enroll does, without gRPC: from photos to references, and all that may speak against it.
#ifndef LIKENESS_SERVER_RPC_ENROLLER_H_
#define LIKENESS_SERVER_RPC_ENROLLER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "server/access/caller.h"
#include "server/access/mismatch_budget.h"
#include "server/encoding/face_encoder.h"
#include "server/gallery/gallery.h"
#include "server/image/quality_gate.h"
#include "server/models/generation.h"
#include "server/rpc/face_checks.h"

namespace likeness {

struct EnrollerOptions {
  bool retain_crops = true;                        // keep the crop of each reference, for other models to embed
  std::function<std::string()> make_reference_id;  // unique, 32 hex digits
  std::function<absl::Time()> now;
  QualityGate quality_gate = QualityGate::kStandard;  // of an Enroll that names none
  DuplicatePolicy duplicates = DuplicatePolicy::kReport;
  bool reveal_duplicates = false;  // whether callers other than admins are told the other id
};

// Thread-safe. What has been enrolled while faces were compared with the gallery is compared in the transaction that
// writes them, so that of two at the same time, here or on two servers, the second is held against the first.
class Enroller {
 public:
  // All must outlive it.
  Enroller(const FaceEncoder& encoder, const ActiveGeneration& active, Gallery& gallery, MismatchBudget& budget,
           Metrics& metrics, EnrollerOptions options);

  // As FaceVerificationService.Enroll. Fills `response` when it returns OK; otherwise what is in it means nothing.
  // QUOTA_EXCEEDED when the caller has enrolled as many persons as it may.
  absl::Status Enroll(const v1::EnrollRequest& request, const Caller& caller, StillWanted still_wanted,
                      v1::EnrollResponse& response);

 private:
  // THRESHOLD_NOT_MEASURED where a face that is enrolled already is to be refused and nothing says which is.
  absl::Status CheckPromises(const v1::EnrollRequest& request, const Generation& generation) const;
  // Encodes the request's photos and enrols them.
  absl::StatusOr<EnrolmentResult> EnrolPhotos(const v1::EnrollRequest& request, const Caller& caller,
                                              const ContentDigest& content, StillWanted still_wanted,
                                              v1::EnrollResponse& response);
  // Does all that EnrolPhotos() does, but enrols nothing.
  absl::Status CheckPhotos(const v1::EnrollRequest& request, const Caller& caller, const ContentDigest& content,
                           StillWanted still_wanted, v1::EnrollResponse& response);
  // Encodes them by one model and those beside it, and holds their faces against the quality gate.
  absl::StatusOr<Enrolment> EncodePhotos(const Embedder& embedder, const Companions& companions,
                                         const v1::EnrollRequest& request, const ContentDigest& content,
                                         StillWanted still_wanted, v1::EnrollResponse& response) const;
  FaceCheckOptions ChecksOf(const v1::EnrollRequest& request, const Caller& caller) const;
  // What the same request was answered where it was carried out while this one was encoded, otherwise `status`.
  absl::StatusOr<EnrolmentResult> EarlierOr(const Enrolment& enrolment, const absl::Status& status);

  const FaceEncoder& encoder_;
  const ActiveGeneration& active_;
  Gallery& gallery_;
  MismatchBudget& budget_;
  Metrics& metrics_;
  const EnrollerOptions options_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_ENROLLER_H_
