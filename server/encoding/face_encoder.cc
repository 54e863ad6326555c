#include "server/encoding/face_encoder.h"

#include <utility>
#include <vector>

#include "server/image/alignment.h"

namespace likeness {

FaceEncoder::FaceEncoder(const FaceFinder& finder, const PhotoLimits& limits, Metrics& metrics)
    : finder_(finder), limits_(limits), metrics_(metrics) {}

absl::StatusOr<EncodedFace> FaceEncoder::Encode(const Embedder& embedder, absl::string_view photo, FacePolicy policy,
                                                StillWanted still_wanted, FaceCheck check) const {
  absl::StatusOr<EncodedFace> face = Crop(embedder.manifest(), photo, policy, still_wanted);
  if (!face.ok()) return face;
  if (face->quality.has_value()) {
    if (absl::Status status = check(*face->quality); !status.ok()) return status;
  }
  const StageTimer timer(metrics_, Stage::kEmbed);
  absl::StatusOr<std::vector<Embedding>> embeddings =
      embedder.EmbedIfWanted(absl::MakeConstSpan(&face->crop, 1), still_wanted);
  if (!embeddings.ok()) return embeddings.status();
  face->embedding = std::move(embeddings->front());
  if (const auto& cohort = embedder.manifest().cohort; cohort != nullptr) {
    face->crowding = cohort->Crowding(face->embedding.values);
  }
  return face;
}

absl::StatusOr<EncodedFace> FaceEncoder::Crop(const BundleManifest& manifest, absl::string_view photo,
                                              FacePolicy policy, StillWanted still_wanted) const {
  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  const absl::StatusOr<Picture> picture = [&] {
    const StageTimer timer(metrics_, Stage::kDecode);
    return DecodePhoto(photo, limits_, still_wanted);
  }();
  if (!picture.ok()) return picture.status();

  const absl::StatusOr<UprightFace> found = FindFace(manifest, *picture, policy, still_wanted);
  if (!found.ok()) return found.status();
  const StageTimer timer(metrics_, Stage::kAlign);
  const Picture& upright = found->turned.has_value() ? *found->turned : *picture;
  Picture crop = CropFace(manifest, upright, found->face);
  const std::optional<FaceQuality> quality = Assess(manifest, upright, found->face, crop);
  const Face face = TurnedBack(found->face, found->turn, *picture);
  return EncodedFace{Enlarged(face, picture->reduction), std::move(crop), {}, quality, found->turn};
}

absl::StatusOr<UprightFace> FaceEncoder::FindFace(const BundleManifest& manifest, const Picture& picture,
                                                  FacePolicy policy, StillWanted still_wanted) const {
  const StageTimer timer(metrics_, Stage::kDetect);
  if (manifest.alignment == Alignment::kNone) {
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    const Box whole{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height)};
    return UprightFace{.face = {.box = whole, .score = 1, .landmarks = std::nullopt}, .turned = std::nullopt};
  }
  return FindUprightFace(finder_, picture, policy, still_wanted);
}

std::optional<FaceQuality> FaceEncoder::Assess(const BundleManifest& manifest, const Picture& picture, const Face& face,
                                               const Picture& crop) const {
  if (!face.landmarks.has_value()) return std::nullopt;
  // One scale of quality for all models, so that it is measured on one crop.
  if (manifest.alignment == Alignment::kArcFace112) return AssessQuality(picture, face, crop);
  return AssessQuality(picture, face, AlignToArcFace(picture, *face.landmarks, kArcFace112));
}

Picture FaceEncoder::CropFace(const BundleManifest& manifest, const Picture& picture, const Face& face) const {
  switch (manifest.alignment) {
    case Alignment::kArcFace112:
      return AlignToArcFace(picture, *face.landmarks, kArcFace112);
    case Alignment::kArcFace192:
      return AlignToArcFace(picture, *face.landmarks, kArcFace192);
    case Alignment::kNone:
      break;
  }
  return ResizeWhole(picture, manifest.input_width, manifest.input_height);
}

}  // namespace likeness
