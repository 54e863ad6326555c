#include "client/operation_client.h"

#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/unary_call.h"

namespace likeness {
namespace {

using Operations = v1::OperationService::Stub;

// How often whoever awaits an operation hears of it.
constexpr int64_t kBetweenNews = 1;

}  // namespace

OperationClient::OperationClient(const Options& options)
    : operations_(v1::OperationService::NewStub(Connect(options))), timeout_(options.timeout) {}

absl::StatusOr<v1::GetOperationResponse> OperationClient::GetOperation(const v1::GetOperationRequest& request) {
  return CallUntil(absl::Now() + timeout_, *operations_, &Operations::GetOperation, request);
}

absl::StatusOr<v1::ListOperationsResponse> OperationClient::ListOperations(const v1::ListOperationsRequest& request) {
  return CallUntil(absl::Now() + timeout_, *operations_, &Operations::ListOperations, request);
}

absl::StatusOr<v1::CancelOperationResponse> OperationClient::CancelOperation(
    const v1::CancelOperationRequest& request) {
  return CallUntil(absl::Now() + timeout_, *operations_, &Operations::CancelOperation, request);
}

absl::StatusOr<v1::Operation> OperationClient::Await(const std::string& name,
                                                     const std::function<void(const v1::Operation&)>& on_progress,
                                                     const std::stop_token& stop) {
  v1::WaitOperationRequest request;
  request.set_name(name);
  request.mutable_timeout()->set_seconds(kBetweenNews);
  while (true) {
    absl::StatusOr<v1::WaitOperationResponse> response =
        CallUntil(absl::Now() + timeout_, *operations_, &Operations::WaitOperation, request);
    if (!response.ok()) return response.status();
    if (on_progress) on_progress(response->operation());
    if (response->operation().done()) return response->operation();
    if (stop.stop_requested()) return absl::CancelledError("the caller does not wait any more");
  }
}

}  // namespace likeness
