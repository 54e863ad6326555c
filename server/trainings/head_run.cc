#include "server/trainings/head_run.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/encoding/crop_kind.h"
#include "server/seal/seal.h"
#include "server/training/layer_search.h"
#include "server/trainings/embed_faces.h"

namespace likeness {
namespace {

HeadMethod MethodOf(const v1::TrainingConfig& config) {
  switch (config.head_method()) {
    case v1::HEAD_METHOD_LDA:
      return HeadMethod::kLda;
    case v1::HEAD_METHOD_MEAN:
      return HeadMethod::kMean;
    default:
      return HeadMethod::kWccn;
  }
}

nlohmann::ordered_json ToJson(const LinearHead& layer, const NetworkDigest& base) {
  return {{"base_network", ModelDigest{base}.Hex()},
          {"mean", std::vector<float>(layer.mean().begin(), layer.mean().end())},
          {"matrix", EncodeMatrix(layer.matrix())}};
}

// The faces of a side, by the base and by `other`; null where that is the base, or can embed none of them.
absl::StatusOr<LabelledFaces> FacesOf(const Side& side, const Embedder* other, v1::Training& record,
                                      OnChange on_change) {
  LabelledFaces faces{side.embeddings, side.embeddings, side.people};
  if (other == nullptr) return faces;
  std::vector<const Picture*> crops;
  for (const Picture& crop : side.crops) crops.push_back(&crop);
  absl::StatusOr<std::vector<std::vector<float>>> rows = EmbedFaces(*other, crops, record, on_change);
  if (!rows.ok()) return rows.status();
  faces.active = *std::move(rows);
  return faces;
}

}  // namespace

absl::StatusOr<TaughtModel> TeachHead(const BaseModel& base, const Device& device, const Generation& active,
                                      double target_fmr, const Sides& sides, v1::Training& record, OnChange on_change) {
  const v1::TrainingConfig& config = record.config();
  const absl::StatusOr<Archive> archive = Archive::Open(base.bundle, device);
  if (!archive.ok()) return archive.status();
  const bool same = active.embedder->digest() == base.digest;
  const bool comparable = CropKindOf(active.embedder->manifest()) == CropKindOf(base.manifest);
  const Embedder* other = same || !comparable ? nullptr : active.embedder.get();

  const absl::StatusOr<LabelledFaces> trained_on = FacesOf(sides.trained_on, other, record, on_change);
  if (!trained_on.ok()) return trained_on.status();
  const absl::StatusOr<LabelledFaces> strangers = FacesOf(sides.strangers, other, record, on_change);
  if (!strangers.ok()) return strangers.status();
  const auto before =
      EvaluateStrangers(strangers->base, strangers->people, record, target_fmr, base.manifest.cohort.get());
  if (!before.ok()) return before.status();
  if (before->has_value()) *record.mutable_before() = ToProto(**before, sides.strangers.photos);

  const LayerSearch search{
      .base = base.manifest,
      .active = active.embedder->manifest(),
      .threshold = active.threshold,
      .target_fmr = target_fmr,
      .method = MethodOf(config),
      .seed = config.seed(),
      .trained_on = *trained_on,
      .held_out = *strangers,
      .source = absl::StrCat("people of training ", record.training_id(), " who were left out of it"),
      .incomparable = comparable ? "" : "the model that answers takes other crops of photos than this one"};
  const absl::StatusOr<std::optional<FoundLayer>> found =
      FindLayer(search, [&] { return on_change(record, /*durable=*/false); });
  if (!found.ok()) return found.status();
  TaughtModel taught;
  if (!found->has_value()) return taught;
  const FoundLayer& best = **found;
  v1::HeadFit& fit = *record.mutable_result()->mutable_head();
  fit.set_shrinkage(best.choice.shrinkage);
  fit.set_mean_share(best.choice.mean_share);
  fit.set_rejected_before(best.rejected_before);
  fit.set_rejected_after(best.rejected_after);

  const auto after = EvaluateStrangers(best.layer.ApplyToAll(strangers->base), strangers->people, record, target_fmr,
                                       best.measurements.cohort.get());
  if (!after.ok()) return after.status();
  if (after->has_value()) *record.mutable_after() = ToProto(**after, sides.strangers.photos);

  nlohmann::ordered_json manifest = ManifestOf(base, record, best.measurements);
  manifest["head"] = ToJson(best.layer, archive->network_digest());
  manifest["provenance"]["head"] = {{"method", v1::HeadMethod_Name(config.head_method())},
                                    {"shrinkage", best.choice.shrinkage},
                                    {"mean_share", best.choice.mean_share}};
  taught.evidence = best.evidence;
  taught.manifest = manifest.dump(2);
  absl::StatusOr<std::string> saved = archive->SaveWithHead(best.layer, taught.manifest);
  if (!saved.ok()) return saved.status();
  absl::StatusOr<std::string> sealed = SealArchive(*std::move(saved));
  if (!sealed.ok()) return sealed.status();
  taught.bundle = *std::move(sealed);
  return taught;
}

}  // namespace likeness
