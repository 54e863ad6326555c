// What the gallery has to say against an enrolment: that a face is not the person's, or that it is somebody else's.
#ifndef LIKENESS_SERVER_RPC_FACE_CHECKS_H_
#define LIKENESS_SERVER_RPC_FACE_CHECKS_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "server/errors/still_wanted.h"
#include "server/gallery/gallery.h"
#include "server/models/generation.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// What becomes of a face that is enrolled under another id already.
enum class DuplicatePolicy {
  kOff,     // nobody looks
  kReport,  // it is enrolled, and the response says so
  kRefuse,  // DUPLICATE_OF, unless the request allows it
};

struct FaceCheckOptions {
  bool person = true;  // hold the faces against the person's own references
  DuplicatePolicy duplicates = DuplicatePolicy::kReport;
  bool reveal = false;  // whether the caller is told who else has the face
  bool scores = false;  // whether the caller is told distances
};

// Not thread-safe: of one enrolment. First Check(), which may take its time; then the store asks Review() for what has
// changed since; then Report(). Where the model has no threshold all of them find nothing.
class FaceChecks {
 public:
  // All must outlive it.
  FaceChecks(Gallery& gallery, Metrics& metrics, const Enrolment& enrolment, const Generation& generation,
             FaceCheckOptions options);

  // Holds the faces against what the gallery is known to have now. REFERENCE_MISMATCH, DUPLICATE_OF; the errors of the
  // store and of `still_wanted`.
  absl::Status Check(StillWanted still_wanted);

  // What is left to be looked at when the enrolment is written. Must not outlive this.
  EnrolmentReview Review();

  // Says which faces are enrolled under another id, or that nobody looked.
  void Report(v1::EnrollResponse& response) const;

 private:
  absl::Status CheckOnce(StillWanted still_wanted);
  absl::Status CheckOwn(absl::Span<const ReferenceEmbedding> own) const;
  absl::Status CheckSince(const std::vector<NumberedEmbedding>& since);
  // DUPLICATE_OF where a face is somebody else's and that is refused.
  absl::Status CheckOthers() const;
  // How the face is decided against the nearest of the others, where that is the same person.
  std::optional<Decision> DuplicateOf(size_t face) const;

  Gallery& gallery_;
  Metrics& metrics_;
  const Enrolment& enrolment_;
  const Generation& generation_;
  const FaceCheckOptions options_;
  std::vector<Embedding> probes_;
  NearestOthers others_;
  int64_t people_ = 1;  // when the others were looked at
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_FACE_CHECKS_H_
