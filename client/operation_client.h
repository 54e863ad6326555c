// The C++ client of likeness' OperationService: long operations on a gallery.
#ifndef LIKENESS_CLIENT_OPERATION_CLIENT_H_
#define LIKENESS_CLIENT_OPERATION_CLIENT_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "likeness/v1/operation_service.grpc.pb.h"

namespace likeness {

// Thread-safe: any number of calls may be in flight at once; they share one connection. Errors are as Client's.
class OperationClient {
 public:
  // `timeout` bounds each call.
  using Options = Client::Options;

  // Connects at the first call.
  explicit OperationClient(const Options& options);

  absl::StatusOr<v1::GetOperationResponse> GetOperation(const v1::GetOperationRequest& request);
  absl::StatusOr<v1::ListOperationsResponse> ListOperations(const v1::ListOperationsRequest& request);
  absl::StatusOr<v1::CancelOperationResponse> CancelOperation(const v1::CancelOperationRequest& request);

  // Tells how far the operation is, and returns it once it is done. CANCELLED within a second when `stop` was
  // requested; the operation goes on without the caller.
  absl::StatusOr<v1::Operation> Await(const std::string& name,
                                      const std::function<void(const v1::Operation&)>& on_progress,
                                      const std::stop_token& stop = {});

 private:
  const std::unique_ptr<v1::OperationService::Stub> operations_;
  const absl::Duration timeout_;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_OPERATION_CLIENT_H_
