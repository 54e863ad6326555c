#include "client/call_status.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace likeness {
namespace {

constexpr char kTypeUrlPrefix[] = "type.googleapis.com/";
constexpr char kErrorDomain[] = "likeness";

template <typename Detail>
std::optional<Detail> DetailOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kTypeUrlPrefix + Detail::descriptor()->full_name());
  Detail detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!result.ok() && details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  return result;
}

std::string ErrorReasonOf(const absl::Status& status) {
  const std::optional<google::rpc::ErrorInfo> info = DetailOf<google::rpc::ErrorInfo>(status);
  return info.has_value() && info->domain() == kErrorDomain ? info->reason() : std::string();
}

std::string ErrorNameOf(const absl::Status& status) {
  const std::string reason = ErrorReasonOf(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

std::string ErrorFieldOf(const absl::Status& status) {
  const std::optional<google::rpc::BadRequest> request = DetailOf<google::rpc::BadRequest>(status);
  if (!request.has_value() || request->field_violations().empty()) return "";
  return request->field_violations(0).field();
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kResourceExhausted) return std::nullopt;
  const std::optional<google::rpc::RetryInfo> info = DetailOf<google::rpc::RetryInfo>(status);
  if (!info.has_value()) return std::nullopt;
  return absl::Seconds(info->retry_delay().seconds()) + absl::Nanoseconds(info->retry_delay().nanos());
}

}  // namespace likeness
