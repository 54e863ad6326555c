#include "server/trainings/head_run.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/embedding/torch_embedder.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/seal/seal.h"
#include "server/training/layer_search.h"

namespace likeness {
namespace {

constexpr size_t kFacesAtOnce = 32;

using Rows = std::vector<std::vector<float>>;

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

// Embeds, and tells how far it is.
class Progress {
 public:
  Progress(v1::Training& record, OnChange on_change, size_t faces) : record_(record), on_change_(on_change) {
    v1::TrainingProgress& progress = *record_.mutable_progress();
    progress.set_epoch(1);
    progress.set_steps(static_cast<int>(faces));
  }

  absl::StatusOr<Rows> Embed(const Embedder& embedder, const std::vector<Picture>& crops) {
    Rows rows;
    for (size_t begin = 0; begin < crops.size(); begin += kFacesAtOnce) {
      const auto batch = absl::MakeSpan(crops).subspan(begin, kFacesAtOnce);
      absl::StatusOr<std::vector<Embedding>> embeddings = embedder.Embed(batch);
      if (!embeddings.ok()) return embeddings.status();
      for (Embedding& embedding : *embeddings) rows.push_back(std::move(embedding.values));
      if (absl::Status status = Tell(batch.size()); !status.ok()) return status;
    }
    return rows;
  }

 private:
  absl::Status Tell(size_t more) {
    v1::TrainingProgress& progress = *record_.mutable_progress();
    progress.set_step(std::min(progress.step() + static_cast<int>(more), progress.steps()));
    const double per_second = progress.step() / std::max(absl::ToDoubleSeconds(absl::Now() - start_), 1e-3);
    progress.set_photos_per_second(per_second);
    *progress.mutable_time_left() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
        static_cast<int64_t>(1000 * (progress.steps() - progress.step()) / per_second));
    return on_change_(record_, /*durable=*/false);
  }

  v1::Training& record_;
  OnChange on_change_;
  absl::Time start_ = absl::Now();
};

nlohmann::ordered_json ToJson(const LinearHead& layer, const NetworkDigest& base) {
  return {{"base_network", ModelDigest{base}.Hex()},
          {"mean", std::vector<float>(layer.mean().begin(), layer.mean().end())},
          {"matrix", EncodeMatrix(layer.matrix())}};
}

absl::StatusOr<LabelledFaces> EmbedSide(Progress& progress, const Embedder& base, const Embedder* other,
                                        const Side& side) {
  absl::StatusOr<Rows> rows = progress.Embed(base, side.crops);
  if (!rows.ok()) return rows.status();
  LabelledFaces faces{*rows, *std::move(rows), side.people};
  if (other == nullptr) return faces;
  absl::StatusOr<Rows> others = progress.Embed(*other, side.crops);
  if (!others.ok()) return others.status();
  faces.active = *std::move(others);
  return faces;
}

}  // namespace

absl::StatusOr<TaughtModel> TeachHead(const BaseModel& base, const Device& device, const Generation& active,
                                      double target_fmr, const Sides& sides, v1::Training& record, OnChange on_change) {
  const v1::TrainingConfig& config = record.config();
  const absl::StatusOr<Archive> archive = Archive::Open(base.path, device);
  if (!archive.ok()) return archive.status();
  const absl::StatusOr<std::unique_ptr<TorchEmbedder>> embedder = TorchEmbedder::Load(base.path, device);
  if (!embedder.ok()) return embedder.status();
  const bool same = active.embedder->digest() == base.digest;
  const bool comparable = CropKindOf(active.embedder->manifest()) == CropKindOf(base.manifest);
  const Embedder* other = same || !comparable ? nullptr : active.embedder.get();

  const size_t crops = sides.trained_on.crops.size() + sides.strangers.crops.size();
  Progress progress(record, on_change, crops * (other == nullptr ? 1 : 2));
  const absl::StatusOr<LabelledFaces> trained_on = EmbedSide(progress, **embedder, other, sides.trained_on);
  if (!trained_on.ok()) return trained_on.status();
  const absl::StatusOr<LabelledFaces> strangers = EmbedSide(progress, **embedder, other, sides.strangers);
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
