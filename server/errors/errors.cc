#include "server/errors/errors.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/strip.h"

namespace likeness {
namespace {

constexpr char kReasonPayload[] = "likeness/reason";
constexpr char kFieldPayload[] = "likeness/field";
constexpr char kPersonPayload[] = "likeness/person";
constexpr char kIssuesPayload[] = "likeness/issues";
constexpr char kRetryPayload[] = "likeness/retry";

absl::StatusCode CodeOf(Reason::Value reason) {
  switch (reason) {
    case Reason::FIELD_INVALID:
    case Reason::PHOTO_EMPTY:
    case Reason::PHOTO_FORMAT_UNSUPPORTED:
    case Reason::PHOTO_TOO_LARGE:
    case Reason::PHOTO_TOO_COSTLY:
    case Reason::PHOTO_TOO_SMALL:
    case Reason::PHOTO_CORRUPT:
    case Reason::FACE_NOT_FOUND:
    case Reason::SEVERAL_FACES:
    case Reason::FACE_QUALITY_TOO_LOW:
    case Reason::TRAINING_DATA_TOO_SMALL:
    case Reason::TRAINING_DATA_TOO_LARGE:
      return absl::StatusCode::kInvalidArgument;
    case Reason::PERSON_NOT_FOUND:
    case Reason::REFERENCE_NOT_FOUND:
    case Reason::MODEL_NOT_FOUND:
    case Reason::TRAINING_NOT_FOUND:
    case Reason::OPERATION_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case Reason::PERSON_WITHOUT_REFERENCE:
    case Reason::MODEL_MISMATCH:
    case Reason::TOO_MANY_REFERENCES:
    case Reason::REFERENCE_MISMATCH:
    case Reason::MODEL_IN_USE:
    case Reason::ACTIVATION_RUNNING:
    case Reason::REFERENCES_WITHOUT_CROP:
    case Reason::TARGET_FMR_UNSUPPORTED:
    case Reason::THRESHOLD_NOT_MEASURED:
    case Reason::LOSS_NOT_FINITE:
    case Reason::TRAINING_NEEDS_MEMORY:
    case Reason::REVISION_UNKNOWN:
    case Reason::MODEL_NOT_ALLOWED:
    case Reason::MASTER_KEY_MISSING:
      return absl::StatusCode::kFailedPrecondition;
    case Reason::REQUEST_ID_REUSED:
    case Reason::DUPLICATE_OF:
      return absl::StatusCode::kAlreadyExists;
    case Reason::OVERLOADED:
    case Reason::QUOTA_EXCEEDED:
    case Reason::RATE_LIMITED:
    case Reason::TOO_MANY_MISMATCHES:
      return absl::StatusCode::kResourceExhausted;
    case Reason::CANCELLED:
      return absl::StatusCode::kCancelled;
    case Reason::DEADLINE_EXCEEDED:
      return absl::StatusCode::kDeadlineExceeded;
    case Reason::TOKEN_MISSING:
    case Reason::TOKEN_INVALID:
    case Reason::TOKEN_EXPIRED:
      return absl::StatusCode::kUnauthenticated;
    case Reason::SCOPE_MISSING:
      return absl::StatusCode::kPermissionDenied;
    case Reason::SHUTTING_DOWN:
    case Reason::STORE_FAILED:
    case Reason::MODEL_MISSING:
      return absl::StatusCode::kUnavailable;
    case Reason::STORE_CORRUPT:
    case Reason::MODEL_CORRUPT:
      return absl::StatusCode::kDataLoss;
    case Reason::NETWORK_FAILED:
    case Reason::INTERNAL:
      return absl::StatusCode::kInternal;
  }
  return absl::StatusCode::kInternal;
}

// Empty where there is none.
std::string TextPayload(const absl::Status& status, absl::string_view name) {
  const absl::optional<absl::Cord> text = status.GetPayload(name);
  return text.has_value() ? std::string(*text) : std::string();
}

}  // namespace

absl::Status MakeError(Reason::Value reason, absl::string_view message) {
  absl::Status status(CodeOf(reason), message);
  status.SetPayload(kReasonPayload, absl::Cord(ReasonName(reason)));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view message) {
  return WithField(MakeError(Reason::FIELD_INVALID, message), field);
}

absl::Status WithField(const absl::Status& status, absl::string_view field) {
  absl::Status with_field = status;
  with_field.SetPayload(kFieldPayload, absl::Cord(field));
  return with_field;
}

absl::Status WithPerson(const absl::Status& status, absl::string_view person_id) {
  absl::Status with_person = status;
  with_person.SetPayload(kPersonPayload, absl::Cord(person_id));
  return with_person;
}

absl::Status WithIssues(const absl::Status& status, absl::string_view issues) {
  absl::Status with_issues = status;
  with_issues.SetPayload(kIssuesPayload, absl::Cord(issues));
  return with_issues;
}

absl::Status WithRetryDelay(const absl::Status& status, absl::Duration delay) {
  absl::Status with_delay = status;
  with_delay.SetPayload(kRetryPayload, absl::Cord(absl::FormatDuration(delay)));
  return with_delay;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  absl::Duration delay;
  if (const std::string text = TextPayload(status, kRetryPayload); !text.empty() && absl::ParseDuration(text, &delay)) {
    return delay;
  }
  switch (ReasonOf(status)) {
    case Reason::OVERLOADED:
      return absl::Milliseconds(200);  // a worker turns to other work many times within this
    case Reason::STORE_FAILED:
      return absl::Seconds(1);
    default:
      return std::nullopt;
  }
}

Reason::Value ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> name = status.GetPayload(kReasonPayload);
  v1::ErrorReason reason;
  if (!name.has_value() || !v1::ErrorReason_Parse("ERROR_REASON_" + std::string(*name), &reason)) {
    return Reason::INTERNAL;
  }
  return static_cast<Reason::Value>(reason);
}

std::string FieldOf(const absl::Status& status) { return TextPayload(status, kFieldPayload); }

std::string PersonOf(const absl::Status& status) { return TextPayload(status, kPersonPayload); }

std::string IssuesOf(const absl::Status& status) { return TextPayload(status, kIssuesPayload); }

std::string ReasonName(Reason::Value reason) {
  const std::string& name = v1::ErrorReason_Name(static_cast<v1::ErrorReason>(reason));
  return std::string(absl::StripPrefix(name, "ERROR_REASON_"));
}

}  // namespace likeness
