#include "server/encoding/face_encoder.h"

#include <utility>
#include <vector>

#include "server/image/alignment.h"

namespace likeness {

FaceEncoder::FaceEncoder(const FaceFinder& finder, const Embedder& embedder, PhotoLimits limits, Metrics& metrics)
    : finder_(finder), embedder_(embedder), limits_(limits), metrics_(metrics) {}

absl::StatusOr<EncodedFace> FaceEncoder::Encode(absl::string_view photo, FacePolicy policy,
                                                StillWanted still_wanted) const {
  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  const absl::StatusOr<Picture> picture = [&] {
    const StageTimer timer(metrics_, Stage::kDecode);
    return DecodePhoto(photo, limits_);
  }();
  if (!picture.ok()) return picture.status();

  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  const absl::StatusOr<Face> face = FindFace(*picture, policy);
  if (!face.ok()) return face.status();
  const Picture crop = Crop(*picture, *face);

  const StageTimer timer(metrics_, Stage::kEmbed);
  absl::StatusOr<std::vector<Embedding>> embeddings = embedder_.EmbedIfWanted({crop}, still_wanted);
  if (!embeddings.ok()) return embeddings.status();
  return EncodedFace{Enlarged(*face, picture->reduction), std::move(embeddings->front())};
}

absl::StatusOr<Face> FaceEncoder::FindFace(const Picture& picture, FacePolicy policy) const {
  const StageTimer timer(metrics_, Stage::kDetect);
  if (embedder_.manifest().alignment == Alignment::kNone) {
    const Box whole{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height)};
    return Face{.box = whole, .score = 1, .landmarks = std::nullopt};
  }
  const absl::StatusOr<std::vector<Face>> faces = finder_.Find(picture);
  if (!faces.ok()) return faces.status();
  return ChooseFace(*faces, policy, picture.width, picture.height);
}

Picture FaceEncoder::Crop(const Picture& picture, const Face& face) const {
  const StageTimer timer(metrics_, Stage::kAlign);
  const BundleManifest& manifest = embedder_.manifest();
  return manifest.alignment == Alignment::kArcFace112
             ? AlignToArcFace(picture, *face.landmarks)
             : ResizeWhole(picture, manifest.input_width, manifest.input_height);
}

}  // namespace likeness
