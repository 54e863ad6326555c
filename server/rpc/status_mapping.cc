#include "server/rpc/status_mapping.h"

#include <grpcpp/support/error_details.h>

#include <optional>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

constexpr char kDomain[] = "likeness";

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const Reason::Value reason = ReasonOf(status);
  google::rpc::Status details;
  // A status without a reason comes from no room's door; its code means nothing to callers.
  details.set_code(reason == Reason::INTERNAL ? grpc::StatusCode::INTERNAL : static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(ReasonName(reason));
  if (const std::string person_id = PersonOf(status); !person_id.empty()) {
    (*info.mutable_metadata())["person_id"] = person_id;
  }
  if (const std::string issues = IssuesOf(status); !issues.empty()) (*info.mutable_metadata())["issues"] = issues;
  details.add_details()->PackFrom(info);
  if (const std::string field = FieldOf(status); !field.empty()) {
    google::rpc::BadRequest bad_request;
    google::rpc::BadRequest::FieldViolation* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description(details.message());
    details.add_details()->PackFrom(bad_request);
  }
  if (const std::optional<absl::Duration> delay = RetryAfterOf(status); delay.has_value()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(*delay));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(*delay - absl::Seconds(absl::ToInt64Seconds(*delay)))));
    details.add_details()->PackFrom(retry);
  }
  grpc::Status result;
  grpc::SetErrorDetails(details, &result);
  return result;
}

std::string CodeName(grpc::StatusCode code) {
  // gRPC's codes are absl's.
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

}  // namespace likeness
