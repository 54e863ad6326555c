#include "server/encoding/face_encoder.h"

#include <utility>
#include <vector>

#include "server/image/alignment.h"

namespace likeness {

FaceEncoder::FaceEncoder(const FaceFinder& finder, PhotoLimits limits, Metrics& metrics)
    : finder_(finder), limits_(limits), metrics_(metrics) {}

absl::StatusOr<EncodedFace> FaceEncoder::Encode(const Embedder& embedder, absl::string_view photo, FacePolicy policy,
                                                StillWanted still_wanted) const {
  absl::StatusOr<EncodedFace> face = Crop(embedder.manifest(), photo, policy, still_wanted);
  if (!face.ok()) return face;
  const StageTimer timer(metrics_, Stage::kEmbed);
  absl::StatusOr<std::vector<Embedding>> embeddings =
      embedder.EmbedIfWanted(absl::MakeConstSpan(&face->crop, 1), still_wanted);
  if (!embeddings.ok()) return embeddings.status();
  face->embedding = std::move(embeddings->front());
  return face;
}

absl::StatusOr<EncodedFace> FaceEncoder::Crop(const BundleManifest& manifest, absl::string_view photo,
                                              FacePolicy policy, StillWanted still_wanted) const {
  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  const absl::StatusOr<Picture> picture = [&] {
    const StageTimer timer(metrics_, Stage::kDecode);
    return DecodePhoto(photo, limits_);
  }();
  if (!picture.ok()) return picture.status();

  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  const absl::StatusOr<Face> face = FindFace(manifest, *picture, policy);
  if (!face.ok()) return face.status();
  return EncodedFace{Enlarged(*face, picture->reduction), CropFace(manifest, *picture, *face), {}};
}

absl::StatusOr<Face> FaceEncoder::FindFace(const BundleManifest& manifest, const Picture& picture,
                                           FacePolicy policy) const {
  const StageTimer timer(metrics_, Stage::kDetect);
  if (manifest.alignment == Alignment::kNone) {
    const Box whole{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height)};
    return Face{.box = whole, .score = 1, .landmarks = std::nullopt};
  }
  const absl::StatusOr<std::vector<Face>> faces = finder_.Find(picture);
  if (!faces.ok()) return faces.status();
  return ChooseFace(*faces, policy, picture.width, picture.height);
}

Picture FaceEncoder::CropFace(const BundleManifest& manifest, const Picture& picture, const Face& face) const {
  const StageTimer timer(metrics_, Stage::kAlign);
  return manifest.alignment == Alignment::kArcFace112
             ? AlignToArcFace(picture, *face.landmarks)
             : ResizeWhole(picture, manifest.input_width, manifest.input_height);
}

}  // namespace likeness
