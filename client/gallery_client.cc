#include "client/gallery_client.h"

#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/unary_call.h"

namespace likeness {
namespace {

using Gallery = v1::GalleryService::Stub;

}  // namespace

GalleryClient::GalleryClient(const Options& options)
    : gallery_(v1::GalleryService::NewStub(Connect(options))), timeout_(options.timeout) {}

absl::StatusOr<v1::ExportPersonResponse> GalleryClient::ExportPerson(const v1::ExportPersonRequest& request) {
  return CallUntil(absl::Now() + timeout_, *gallery_, &Gallery::ExportPerson, request);
}

absl::StatusOr<v1::RotateKeysResponse> GalleryClient::RotateKeys(const v1::RotateKeysRequest& request) {
  return CallUntil(absl::Now() + timeout_, *gallery_, &Gallery::RotateKeys, request);
}

}  // namespace likeness
