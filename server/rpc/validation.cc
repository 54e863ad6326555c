#include "server/rpc/validation.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/ids/check_id.h"

namespace likeness {

absl::Status ValidatePhotoCount(int count) {
  if (count < 1 || count > kMaxPhotosPerEnrolment) {
    return InvalidField("photos", absl::StrCat("1 to ", kMaxPhotosPerEnrolment, " photos are needed, not ", count));
  }
  return absl::OkStatus();
}

absl::StatusOr<FacePolicy> ReadFacePolicy(v1::FacePolicy policy) {
  switch (policy) {
    case v1::FACE_POLICY_UNSPECIFIED:
    case v1::FACE_POLICY_ONLY:
      return FacePolicy::kOnly;
    case v1::FACE_POLICY_LARGEST:
      return FacePolicy::kLargest;
    case v1::FACE_POLICY_MOST_CENTRAL:
      return FacePolicy::kMostCentral;
    default:
      return InvalidField("face_policy", absl::StrCat("there is no face policy ", static_cast<int>(policy)));
  }
}

absl::StatusOr<QualityGate> ReadQualityGate(v1::QualityGate gate, QualityGate server_default, absl::string_view field) {
  switch (gate) {
    case v1::QUALITY_GATE_UNSPECIFIED:
      return server_default;
    case v1::QUALITY_GATE_OFF:
      return QualityGate::kOff;
    case v1::QUALITY_GATE_STANDARD:
      return QualityGate::kStandard;
    case v1::QUALITY_GATE_STRICT:
      return QualityGate::kStrict;
    default:
      return InvalidField(field, absl::StrCat("there is no quality gate ", static_cast<int>(gate)));
  }
}

absl::StatusOr<int> ReadPageSize(int page_size) {
  if (page_size < 0 || page_size > kMaxPageSize) {
    return InvalidField("page_size", absl::StrCat("page_size must be 0 to ", kMaxPageSize, ", not ", page_size));
  }
  return page_size == 0 ? kDefaultPageSize : page_size;
}

std::string MakePageToken(absl::string_view last_person_id) { return absl::WebSafeBase64Escape(last_person_id); }

absl::StatusOr<std::string> ReadPageToken(absl::string_view page_token) {
  std::string after;
  constexpr IdRule kLastPersonId{.min_bytes = 0, .printable = false};
  if (!absl::WebSafeBase64Unescape(page_token, &after) || !CheckId("page_token", after, kLastPersonId).ok()) {
    return InvalidField("page_token", "page_token is none that ListPersons returned");
  }
  return after;
}

absl::Status AtField(const absl::Status& status, absl::string_view field) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  return WithField(status, field);
}

}  // namespace likeness
