// What a request's fields may hold, ids apart (server/ids/). Pure functions; errors are FIELD_INVALID and name the
// field.
#ifndef LIKENESS_SERVER_RPC_VALIDATION_H_
#define LIKENESS_SERVER_RPC_VALIDATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "likeness/v1/types.pb.h"
#include "server/image/face_choice.h"
#include "server/image/quality_gate.h"

namespace likeness {

inline constexpr int kMaxPhotosPerEnrolment = 16;
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;

absl::Status ValidatePhotoCount(int count);
absl::StatusOr<FacePolicy> ReadFacePolicy(v1::FacePolicy policy);
// The gate to hold faces against, from the request's `field`; `server_default` where the request leaves it open.
absl::StatusOr<QualityGate> ReadQualityGate(v1::QualityGate gate, QualityGate server_default,
                                            absl::string_view field = "quality_gate");
absl::StatusOr<int> ReadPageSize(int page_size);

// A page token is the last person id of the page before it, in base64.
std::string MakePageToken(absl::string_view last_person_id);
absl::StatusOr<std::string> ReadPageToken(absl::string_view page_token);

// The error of a photo, or of another part of a request, with the field it came from. Only the caller's mistakes name a
// field.
absl::Status AtField(const absl::Status& status, absl::string_view field);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_VALIDATION_H_
