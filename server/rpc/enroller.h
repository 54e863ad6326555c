// What Enroll does, without gRPC: from photos to references, and all that may speak against it.
#ifndef LIKENESS_SERVER_RPC_ENROLLER_H_
#define LIKENESS_SERVER_RPC_ENROLLER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "server/access/caller.h"
#include "server/encoding/face_encoder.h"
#include "server/gallery/gallery.h"
#include "server/image/quality_gate.h"
#include "server/models/generation.h"

namespace likeness {

// What becomes of a face that is enrolled under another id already.
enum class DuplicatePolicy {
  kOff,     // nobody looks
  kReport,  // it is enrolled, and the response says so
  kRefuse,  // DUPLICATE_OF, unless the request allows it
};

struct EnrollerOptions {
  bool retain_crops = true;                        // keep the crop of each reference, for other models to embed
  std::function<std::string()> make_reference_id;  // unique, 32 hex digits
  std::function<absl::Time()> now;
  QualityGate quality_gate = QualityGate::kStandard;  // of an Enroll that names none
  DuplicatePolicy duplicates = DuplicatePolicy::kReport;
  bool reveal_duplicates = false;  // whether callers other than admins are told the other id
};

// Thread-safe. What is compared with the gallery and what is then written are one step: enrolments take turns at it, so
// that of two at the same time the second is held against the first.
class Enroller {
 public:
  // All must outlive it.
  Enroller(const FaceEncoder& encoder, const ActiveGeneration& active, Gallery& gallery, Metrics& metrics,
           EnrollerOptions options);

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
  // Holds the faces against those that are enrolled, or says that it does not for want of a threshold.
  absl::Status CheckFaces(const v1::EnrollRequest& request, const Caller& caller, const Enrolment& enrolment,
                          const Generation& generation, v1::EnrollResponse& response);
  // Holds them against the person's own.
  absl::Status CheckPerson(const Enrolment& enrolment, const Generation& generation, const Threshold& threshold);
  // Holds them against everybody else's.
  absl::Status CheckOthers(bool allowed, const Caller& caller, const Enrolment& enrolment, const Generation& generation,
                           const Threshold& threshold, v1::EnrollResponse& response);
  // What the request_id's enrolment was answered before, or the enrolment, once its faces have passed.
  absl::StatusOr<EnrolmentResult> CheckAndWrite(const v1::EnrollRequest& request, const Caller& caller,
                                                const Enrolment& enrolment, const Generation& generation,
                                                v1::EnrollResponse& response);

  const FaceEncoder& encoder_;
  const ActiveGeneration& active_;
  Gallery& gallery_;
  Metrics& metrics_;
  const EnrollerOptions options_;
  absl::Mutex turn_;  // held by CheckAndWrite(); the store has one writer anyway
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_ENROLLER_H_
