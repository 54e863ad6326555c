// Errors with a stable reason.
//
// Every room reports failure as an absl::Status. Where the failure has one of the public reasons of
// likeness/v1/error_reason.proto, the status carries it as a payload, and the rpc room copies it into the
// google.rpc.ErrorInfo that the caller sees:
//
//   return MakeError(Reason::FACE_NOT_FOUND, "no face was found in the photo");
//
// The gRPC code belongs to the reason, so a reason always comes with the same code.
#ifndef LIKENESS_SERVER_ERRORS_ERRORS_H_
#define LIKENESS_SERVER_ERRORS_ERRORS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "likeness/v1/error_reason.pb.h"

namespace likeness {

// The public reasons, by their short names.
struct Reason {
  enum Value : int {
    FIELD_INVALID = v1::ERROR_REASON_FIELD_INVALID,
    PHOTO_EMPTY = v1::ERROR_REASON_PHOTO_EMPTY,
    PHOTO_FORMAT_UNSUPPORTED = v1::ERROR_REASON_PHOTO_FORMAT_UNSUPPORTED,
    PHOTO_TOO_LARGE = v1::ERROR_REASON_PHOTO_TOO_LARGE,
    PHOTO_TOO_COSTLY = v1::ERROR_REASON_PHOTO_TOO_COSTLY,
    PHOTO_TOO_SMALL = v1::ERROR_REASON_PHOTO_TOO_SMALL,
    PHOTO_CORRUPT = v1::ERROR_REASON_PHOTO_CORRUPT,
    FACE_NOT_FOUND = v1::ERROR_REASON_FACE_NOT_FOUND,
    SEVERAL_FACES = v1::ERROR_REASON_SEVERAL_FACES,
    FACE_QUALITY_TOO_LOW = v1::ERROR_REASON_FACE_QUALITY_TOO_LOW,
    TRAINING_DATA_TOO_SMALL = v1::ERROR_REASON_TRAINING_DATA_TOO_SMALL,
    TRAINING_DATA_TOO_LARGE = v1::ERROR_REASON_TRAINING_DATA_TOO_LARGE,
    PERSON_NOT_FOUND = v1::ERROR_REASON_PERSON_NOT_FOUND,
    REFERENCE_NOT_FOUND = v1::ERROR_REASON_REFERENCE_NOT_FOUND,
    PERSON_WITHOUT_REFERENCE = v1::ERROR_REASON_PERSON_WITHOUT_REFERENCE,
    MODEL_MISMATCH = v1::ERROR_REASON_MODEL_MISMATCH,
    TOO_MANY_REFERENCES = v1::ERROR_REASON_TOO_MANY_REFERENCES,
    REFERENCE_MISMATCH = v1::ERROR_REASON_REFERENCE_MISMATCH,
    DUPLICATE_OF = v1::ERROR_REASON_DUPLICATE_OF,
    MODEL_NOT_ALLOWED = v1::ERROR_REASON_MODEL_NOT_ALLOWED,
    REVISION_UNKNOWN = v1::ERROR_REASON_REVISION_UNKNOWN,
    QUOTA_EXCEEDED = v1::ERROR_REASON_QUOTA_EXCEEDED,
    RATE_LIMITED = v1::ERROR_REASON_RATE_LIMITED,
    TOO_MANY_MISMATCHES = v1::ERROR_REASON_TOO_MANY_MISMATCHES,
    REQUEST_ID_REUSED = v1::ERROR_REASON_REQUEST_ID_REUSED,
    MODEL_NOT_FOUND = v1::ERROR_REASON_MODEL_NOT_FOUND,
    TRAINING_NOT_FOUND = v1::ERROR_REASON_TRAINING_NOT_FOUND,
    MODEL_IN_USE = v1::ERROR_REASON_MODEL_IN_USE,
    ACTIVATION_RUNNING = v1::ERROR_REASON_ACTIVATION_RUNNING,
    REFERENCES_WITHOUT_CROP = v1::ERROR_REASON_REFERENCES_WITHOUT_CROP,
    TARGET_FMR_UNSUPPORTED = v1::ERROR_REASON_TARGET_FMR_UNSUPPORTED,
    THRESHOLD_NOT_MEASURED = v1::ERROR_REASON_THRESHOLD_NOT_MEASURED,
    LOSS_NOT_FINITE = v1::ERROR_REASON_LOSS_NOT_FINITE,
    TRAINING_NEEDS_MEMORY = v1::ERROR_REASON_TRAINING_NEEDS_MEMORY,
    OVERLOADED = v1::ERROR_REASON_OVERLOADED,
    CANCELLED = v1::ERROR_REASON_CANCELLED,
    DEADLINE_EXCEEDED = v1::ERROR_REASON_DEADLINE_EXCEEDED,
    SHUTTING_DOWN = v1::ERROR_REASON_SHUTTING_DOWN,
    TOKEN_MISSING = v1::ERROR_REASON_TOKEN_MISSING,
    TOKEN_INVALID = v1::ERROR_REASON_TOKEN_INVALID,
    TOKEN_EXPIRED = v1::ERROR_REASON_TOKEN_EXPIRED,
    SCOPE_MISSING = v1::ERROR_REASON_SCOPE_MISSING,
    STORE_FAILED = v1::ERROR_REASON_STORE_FAILED,
    MASTER_KEY_MISSING = v1::ERROR_REASON_MASTER_KEY_MISSING,
    STORE_CORRUPT = v1::ERROR_REASON_STORE_CORRUPT,
    MODEL_CORRUPT = v1::ERROR_REASON_MODEL_CORRUPT,
    NETWORK_FAILED = v1::ERROR_REASON_NETWORK_FAILED,
    OPERATION_NOT_FOUND = v1::ERROR_REASON_OPERATION_NOT_FOUND,
    MODEL_MISSING = v1::ERROR_REASON_MODEL_MISSING,
    INTERNAL = v1::ERROR_REASON_INTERNAL,
  };
};

// A status with the reason's code, the reason and a message for people. Messages never contain person ids or photos.
absl::Status MakeError(Reason::Value reason, absl::string_view message);

// As MakeError(FIELD_INVALID), naming the request's field.
absl::Status InvalidField(absl::string_view field, absl::string_view message);

// `status`, an error, with the request's field that it came from.
absl::Status WithField(const absl::Status& status, absl::string_view field);

// `status`, an error, with the id of a person whom the caller may know of.
absl::Status WithPerson(const absl::Status& status, absl::string_view person_id);

// `status`, an error, with what was wrong with a face: names of v1::QualityIssue without prefix, separated by commas.
absl::Status WithIssues(const absl::Status& status, absl::string_view issues);

// `status`, an error, with the time after which the call may succeed.
absl::Status WithRetryDelay(const absl::Status& status, absl::Duration delay);

// The reason that `status` carries; INTERNAL where it carries none.
Reason::Value ReasonOf(const absl::Status& status);

// The field that InvalidField() or WithField() named; empty for other statuses.
std::string FieldOf(const absl::Status& status);

// The person that WithPerson() named; empty for other statuses.
std::string PersonOf(const absl::Status& status);

// The issues that WithIssues() named; empty for other statuses.
std::string IssuesOf(const absl::Status& status);

// When to come again: what WithRetryDelay() said, otherwise the reason's own delay; nothing where it does not help.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// The public name of a reason, for example "FACE_NOT_FOUND".
std::string ReasonName(Reason::Value reason);

}  // namespace likeness

#endif  // LIKENESS_SERVER_ERRORS_ERRORS_H_
