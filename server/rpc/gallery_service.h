// GalleryService: the gallery as a whole, for whoever is responsible for it.
#ifndef LIKENESS_SERVER_RPC_GALLERY_SERVICE_H_
#define LIKENESS_SERVER_RPC_GALLERY_SERVICE_H_

#include "likeness/v1/gallery_service.grpc.pb.h"
#include "server/gallery/gallery.h"
#include "server/operations/key_rotation.h"
#include "server/rpc/admin_calls.h"

namespace likeness {

// Thread-safe.
class GalleryService : public v1::GalleryService::Service {
 public:
  // All must outlive every call.
  GalleryService(Gallery& gallery, KeyRotations& rotations, const AdminCalls& calls)
      : gallery_(gallery), rotations_(rotations), calls_(calls) {}

  grpc::Status ExportPerson(grpc::ServerContext* context, const v1::ExportPersonRequest* request,
                            v1::ExportPersonResponse* response) override;
  grpc::Status RotateKeys(grpc::ServerContext* context, const v1::RotateKeysRequest* request,
                          v1::RotateKeysResponse* response) override;

 private:
  Gallery& gallery_;
  KeyRotations& rotations_;
  const AdminCalls& calls_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_GALLERY_SERVICE_H_
