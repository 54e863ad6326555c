#include "server/trainings/head_run.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "server/embedding/torch_embedder.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/seal/seal.h"
#include "server/statistics/people_pairs.h"
#include "server/training/carried_measurements.h"
#include "server/training/head_fit.h"

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

Rows Moved(const Rows& rows, const LinearHead& layer) {
  Rows moved;
  moved.reserve(rows.size());
  for (const std::vector<float>& row : rows) moved.push_back(layer.Apply(row));
  return moved;
}

void Append(const PairDistances& more, PairDistances& all) {
  const auto merge = [](const std::vector<double>& from, std::vector<double>& to) {
    const auto middle = static_cast<std::ptrdiff_t>(to.size());
    to.insert(to.end(), from.begin(), from.end());
    std::inplace_merge(to.begin(), to.begin() + middle, to.end());
  };
  merge(more.genuine, all.genuine);
  merge(more.impostor, all.impostor);
}

// People who were not fitted to: their embeddings by the base and by the model that answers, and the layer.
struct LeftOut {
  Rows base;
  Rows active;  // empty where that is the base
  std::vector<int> people;
  const LinearHead* layer;
};

absl::StatusOr<std::shared_ptr<const Cohort>> Carried(const std::shared_ptr<const Cohort>& cohort,
                                                      const LinearHead& layer) {
  if (cohort == nullptr) return nullptr;
  absl::StatusOr<Cohort> carried = CarryCohort(*cohort, layer);
  if (!carried.ok()) return carried.status();
  return std::make_shared<const Cohort>(*std::move(carried));
}

struct AtHand {
  PairDistances base;
  PairDistances active;
  PairDistances after;
};

absl::StatusOr<AtHand> MeasureAtHand(const std::vector<LeftOut>& parts, const BundleManifest& base,
                                     const BundleManifest& active) {
  AtHand at_hand;
  for (const LeftOut& part : parts) {
    const auto carried = Carried(base.cohort, *part.layer);
    if (!carried.ok()) return carried.status();
    Append(DistancesAmong(part.base, part.people, base.cohort.get()), at_hand.base);
    Append(DistancesAmong(part.active, part.people, active.cohort.get()), at_hand.active);
    Append(DistancesAmong(Moved(part.base, *part.layer), part.people, carried->get()), at_hand.after);
  }
  return at_hand;
}

// Pairs that know whose they are, for a bundle that says what was measured of it.
absl::StatusOr<BundleMeasurements> MeasureAlone(const std::vector<LeftOut>& parts, const BundleManifest& base,
                                                const LinearHead& layer, const std::string& source, uint64_t seed) {
  PeoplePairs pairs;
  for (const LeftOut& part : parts) {
    const auto cohort = Carried(base.cohort, *part.layer);
    if (!cohort.ok()) return cohort.status();
    const Rows moved = Moved(part.base, *part.layer);
    for (size_t a = 0; a < moved.size(); ++a) {
      for (size_t b = a + 1; b < moved.size(); ++b) {
        const PairDistances one = DistancesAmong({moved[a], moved[b]}, {part.people[a], part.people[b]}, cohort->get());
        const double distance = one.genuine.empty() ? one.impostor.front() : one.genuine.front();
        pairs.pairs.push_back({distance, static_cast<uint32_t>(part.people[a]), static_cast<uint32_t>(part.people[b])});
        pairs.people =
            std::max<size_t>(pairs.people, static_cast<size_t>(std::max(part.people[a], part.people[b])) + 1);
      }
    }
  }
  absl::StatusOr<BundleMeasurements> measured = MeasureForBundle({{"", pairs}}, source, seed);
  if (!measured.ok()) return measured.status();
  absl::StatusOr<std::shared_ptr<const Cohort>> cohort = Carried(base.cohort, layer);
  if (!cohort.ok()) return cohort.status();
  measured->cohort = *std::move(cohort);
  return measured;
}

nlohmann::ordered_json ToJson(const LinearHead& layer, const NetworkDigest& base) {
  return {{"base_network", ModelDigest{base}.Hex()},
          {"mean", std::vector<float>(layer.mean().begin(), layer.mean().end())},
          {"matrix", EncodeMatrix(layer.matrix())}};
}

std::optional<Threshold> MeasuredOnly(const std::vector<OperatingPoint>& points, double target_fmr) {
  absl::StatusOr<Threshold> threshold = MeasuredThreshold(points, target_fmr);
  return threshold.ok() ? std::optional<Threshold>(*std::move(threshold)) : std::nullopt;
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

  Progress progress(record, on_change,
                    (sides.trained_on.crops.size() + sides.strangers.crops.size()) * (same || !comparable ? 1 : 2));
  const absl::StatusOr<Rows> faces = progress.Embed(**embedder, sides.trained_on.crops);
  if (!faces.ok()) return faces.status();
  const absl::StatusOr<Rows> strangers = progress.Embed(**embedder, sides.strangers.crops);
  if (!strangers.ok()) return strangers.status();
  absl::StatusOr<Rows> faces_now = *faces;
  absl::StatusOr<Rows> strangers_now = *strangers;
  if (!same && comparable) {
    faces_now = progress.Embed(*active.embedder, sides.trained_on.crops);
    if (!faces_now.ok()) return faces_now.status();
    strangers_now = progress.Embed(*active.embedder, sides.strangers.crops);
    if (!strangers_now.ok()) return strangers_now.status();
  }
  const auto before =
      EvaluateStrangers(*strangers, sides.strangers.people, record, target_fmr, base.manifest.cohort.get());
  if (!before.ok()) return before.status();
  if (before->has_value()) *record.mutable_before() = ToProto(**before, sides.strangers.photos);

  const HeadMethod method = MethodOf(config);
  const std::vector<int>& people = sides.trained_on.people;
  const absl::StatusOr<HeadChoice> choice = ChooseHead(*faces, people, method, config.seed());
  if (!choice.ok()) return choice.status();
  v1::HeadFit& fit = *record.mutable_result()->mutable_head();
  fit.set_shrinkage(choice->shrinkage);
  fit.set_mean_share(choice->mean_share);
  fit.set_error(choice->error);
  fit.set_error_unchanged(choice->error_unchanged);
  if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
  TaughtModel taught;
  taught.evidence.target_fmr = target_fmr;
  if (choice->changes_nothing()) return taught;

  const absl::StatusOr<LinearHead> layer = FitHead(*faces, people, method, *choice);
  if (!layer.ok()) return layer.status();
  const auto folds = CrossValidate(*faces, people, method, *choice, config.seed());
  if (!folds.ok()) return folds.status();
  std::vector<LeftOut> parts = {{*strangers, *strangers_now, sides.strangers.people, &*layer}};
  for (const CrossValidated& fold : *folds) {
    LeftOut part{.base = {}, .active = {}, .people = {}, .layer = &fold.head};
    for (size_t photo : fold.photos) {
      part.base.push_back((*faces)[photo]);
      part.active.push_back((*faces_now)[photo]);
      part.people.push_back(people[photo]);
    }
    parts.push_back(std::move(part));
  }
  const absl::StatusOr<AtHand> at_hand = MeasureAtHand(parts, base.manifest, active.embedder->manifest());
  if (!at_hand.ok()) return at_hand.status();

  const std::string source = absl::StrCat("people of training ", record.training_id(), " who were left out of it");
  const bool brings_people = base.manifest.synthetic_people != nullptr && !base.manifest.operating_points.empty();
  absl::StatusOr<BundleMeasurements> measurements =
      brings_people ? CarryOver(base.manifest, *layer, {at_hand->base, at_hand->after}, source)
                    : MeasureAlone(parts, base.manifest, *layer, source, config.seed());
  if (!measurements.ok()) return measurements.status();

  const auto after = EvaluateStrangers(Moved(*strangers, *layer), sides.strangers.people, record, target_fmr,
                                       measurements->cohort.get());
  if (!after.ok()) return after.status();
  if (after->has_value()) *record.mutable_after() = ToProto(**after, sides.strangers.photos);

  nlohmann::ordered_json manifest = ManifestOf(base, record, *measurements);
  manifest["head"] = ToJson(*layer, archive->network_digest());
  manifest["provenance"]["head"] = {{"method", v1::HeadMethod_Name(config.head_method())},
                                    {"shrinkage", choice->shrinkage},
                                    {"mean_share", choice->mean_share}};
  taught.manifest = manifest.dump(2);
  absl::StatusOr<std::string> saved = archive->SaveWithHead(*layer, taught.manifest);
  if (!saved.ok()) return saved.status();
  absl::StatusOr<std::string> sealed = SealArchive(*std::move(saved));
  if (!sealed.ok()) return sealed.status();
  taught.bundle = *std::move(sealed);

  if (!comparable) taught.evidence.incomparable = "the model that answers takes other crops of photos than this one";
  taught.evidence.before = OutcomeAt(active.threshold, at_hand->active, /*foretold=*/false);
  const std::optional<Threshold> threshold = MeasuredOnly(measurements->operating_points, target_fmr);
  taught.evidence.after = OutcomeAt(threshold, at_hand->after, /*foretold=*/brings_people);
  if (!threshold.has_value()) {
    taught.evidence.unmeasured = WhatIsMissing(target_fmr, static_cast<int64_t>(at_hand->after.impostor.size()),
                                               record.data().people() + record.data().strangers());
  }
  return taught;
}

}  // namespace likeness
