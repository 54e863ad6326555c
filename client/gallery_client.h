// The C++ client of likeness' GalleryService: what is held on a person, and the keys it is encrypted with.
#ifndef LIKENESS_CLIENT_GALLERY_CLIENT_H_
#define LIKENESS_CLIENT_GALLERY_CLIENT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "likeness/v1/gallery_service.grpc.pb.h"

namespace likeness {

// Thread-safe: any number of calls may be in flight at once; they share one connection. Errors are as Client's.
class GalleryClient {
 public:
  // `timeout` bounds each call; what RotateKeys begins is awaited with OperationClient.
  using Options = Client::Options;

  // Connects at the first call.
  explicit GalleryClient(const Options& options);

  absl::StatusOr<v1::ExportPersonResponse> ExportPerson(const v1::ExportPersonRequest& request);
  absl::StatusOr<v1::RotateKeysResponse> RotateKeys(const v1::RotateKeysRequest& request);

 private:
  const std::unique_ptr<v1::GalleryService::Stub> gallery_;
  const absl::Duration timeout_;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_GALLERY_CLIENT_H_
