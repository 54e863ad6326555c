// One photo's way from bytes to an embedding: decode, find the face, align it, run the network.
#ifndef LIKENESS_SERVER_ENCODING_FACE_ENCODER_H_
#define LIKENESS_SERVER_ENCODING_FACE_ENCODER_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/embedding/embedder.h"
#include "server/errors/still_wanted.h"
#include "server/image/face_choice.h"
#include "server/image/face_finder.h"
#include "server/image/face_quality.h"
#include "server/image/photo.h"
#include "server/image/turn.h"
#include "server/image/upright_face.h"
#include "server/telemetry/metrics.h"

namespace likeness {

struct EncodedFace {
  Face face;     // where it is in the photo, EXIF orientation applied, not turned
  Picture crop;  // what the network saw
  Embedding embedding;
  std::optional<FaceQuality> quality;  // none where the model needs no alignment
  Turn turn = Turn::kNone;             // how far the photo was turned to stand upright
  // How crowded the embedding's place is; absent where the model has no cohort.
  std::optional<double> crowding = std::nullopt;
};

// Whether the face may go on to the network: OK, or the error that ends its way. Not asked of faces without a quality.
using FaceCheck = absl::FunctionRef<absl::Status(const FaceQuality&)>;

inline absl::Status AcceptAnyFace(const FaceQuality&) { return absl::OkStatus(); }

// Thread-safe: Encode() runs wholly on the calling thread, and on any number of them. What it is given must outlive it.
class FaceEncoder {
 public:
  FaceEncoder(const FaceFinder& finder, const PhotoLimits& limits, Metrics& metrics);

  // The face that `policy` chooses, embedded by `embedder` once it has passed `check`. `still_wanted` is asked before
  // each stage that costs and while the photo is decoded; its error ends the work. Errors are those of `check`,
  // DecodePhoto(), FaceFinder::Find(), ChooseFace() and Embedder::Embed().
  absl::StatusOr<EncodedFace> Encode(const Embedder& embedder, absl::string_view photo, FacePolicy policy,
                                     StillWanted still_wanted, FaceCheck check = AcceptAnyFace) const;

  // As Encode(), up to the crop that a network with this manifest takes. `embedding` stays empty.
  absl::StatusOr<EncodedFace> Crop(const BundleManifest& manifest, absl::string_view photo, FacePolicy policy,
                                   StillWanted still_wanted) const;

 private:
  absl::StatusOr<UprightFace> FindFace(const BundleManifest& manifest, const Picture& picture, FacePolicy policy,
                                       StillWanted still_wanted) const;
  // None for a face without landmarks. `crop` is what CropFace() made.
  std::optional<FaceQuality> Assess(const BundleManifest& manifest, const Picture& picture, const Face& face,
                                    const Picture& crop) const;
  Picture CropFace(const BundleManifest& manifest, const Picture& picture, const Face& face) const;

  const FaceFinder& finder_;
  const PhotoLimits limits_;
  Metrics& metrics_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ENCODING_FACE_ENCODER_H_
