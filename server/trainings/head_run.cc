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

// What a layer does to people who were not fitted to.
struct AtHand {
  PairDistances base;
  PairDistances active;
  PairDistances after;
};

absl::Status AddPart(const LeftOut& part, const BundleManifest& base, const BundleManifest& active, AtHand& at_hand) {
  const auto carried = Carried(base.cohort, *part.layer);
  if (!carried.ok()) return carried.status();
  Append(DistancesAmong(part.base, part.people, base.cohort.get()), at_hand.base);
  Append(DistancesAmong(part.active, part.people, active.cohort.get()), at_hand.active);
  Append(DistancesAmong(Moved(part.base, *part.layer), part.people, carried->get()), at_hand.after);
  return absl::OkStatus();
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

double RejectedShare(const std::optional<Threshold>& threshold, const PairDistances& pairs) {
  if (!threshold.has_value() || pairs.genuine.empty()) return 1;
  const auto beyond = std::upper_bound(pairs.genuine.begin(), pairs.genuine.end(), threshold->distance);
  return static_cast<double>(pairs.genuine.end() - beyond) / static_cast<double>(pairs.genuine.size());
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

// All faces, embedded by the base and by the model that answers.
struct Faces {
  Rows base;
  Rows active;
  const std::vector<int>& people;
};

struct Question {
  const BaseModel& base;
  const Generation& active;
  double target_fmr;
  const HeadFitter& fitter;
  const MeasurementCarrier* carrier;  // null where the base brings nothing along to carry over
  const Faces& trained_on;
  const Faces& strangers;
  const v1::Training& record;

  bool comparable() const { return CropKindOf(active.embedder->manifest()) == CropKindOf(base.manifest); }
};

// Whether so much of so few people made no layer that could be undone.
bool IsNoLayer(const absl::Status& status) {
  return absl::IsInvalidArgument(status) && ReasonOf(status) != Reason::FIELD_INVALID;
}

// A layer, and what the service would do with it.
struct Candidate {
  HeadChoice choice;
  LinearHead layer;
  BundleMeasurements measurements;
  PromotionEvidence evidence;
  bool promotable = false;
  double rejected_before = 1;  // shares of the genuine pairs of all who were left out
  double rejected_after = 1;
};

// Strangers by the layer itself, and those it was fitted to by layers that never saw them.
absl::StatusOr<Candidate> Try(const Question& question, const HeadChoice& choice) {
  const BundleManifest& base = question.base.manifest;
  const v1::TrainingConfig& config = question.record.config();
  const absl::StatusOr<LinearHead> layer = question.fitter.Fit(choice);
  if (!layer.ok()) return layer.status();
  const auto folds = question.fitter.CrossValidate(choice);
  if (!folds.ok()) return folds.status();
  std::vector<LeftOut> parts = {
      {question.strangers.base, question.strangers.active, question.strangers.people, &*layer}};
  for (const CrossValidated& fold : *folds) {
    LeftOut part{.base = {}, .active = {}, .people = {}, .layer = &fold.head};
    for (size_t photo : fold.photos) {
      part.base.push_back(question.trained_on.base[photo]);
      part.active.push_back(question.trained_on.active[photo]);
      part.people.push_back(question.trained_on.people[photo]);
    }
    parts.push_back(std::move(part));
  }
  AtHand held_out;
  AtHand cross_validated;
  for (size_t i = 0; i < parts.size(); ++i) {
    const absl::Status added =
        AddPart(parts[i], base, question.active.embedder->manifest(), i == 0 ? held_out : cross_validated);
    if (!added.ok()) return added;
  }
  AtHand all = held_out;
  Append(cross_validated.base, all.base);
  Append(cross_validated.active, all.active);
  Append(cross_validated.after, all.after);

  const std::string source =
      absl::StrCat("people of training ", question.record.training_id(), " who were left out of it");
  const bool brings_people = question.carrier != nullptr;
  absl::StatusOr<BundleMeasurements> measurements =
      brings_people ? question.carrier->CarryOver(*layer, {all.base, all.after}, source)
                    : MeasureAlone(parts, base, *layer, source, config.seed());
  if (!measurements.ok()) return measurements.status();

  Candidate candidate{.choice = choice, .layer = *layer, .measurements = *std::move(measurements), .evidence = {}};
  PromotionEvidence& evidence = candidate.evidence;
  evidence.target_fmr = question.target_fmr;
  if (!question.comparable()) {
    evidence.incomparable = "the model that answers takes other crops of photos than this one";
  }
  const std::optional<Threshold> threshold = MeasuredOnly(candidate.measurements.operating_points, question.target_fmr);
  const std::vector<AtHandGroup> before = {{kHeldOut, held_out.active}, {kCrossValidated, cross_validated.active}};
  const std::vector<AtHandGroup> after = {{kHeldOut, held_out.after}, {kCrossValidated, cross_validated.after}};
  evidence.before = OutcomeAt(question.active.threshold, before, /*foretold=*/false);
  evidence.after = OutcomeAt(threshold, after, /*foretold=*/brings_people);
  if (!threshold.has_value()) {
    evidence.unmeasured = WhatIsMissing(question.target_fmr, static_cast<int64_t>(all.after.impostor.size()),
                                        question.record.data().people() + question.record.data().strangers());
  }
  candidate.promotable = DecidePromotion(PromotionRule::kIfNotWorse, evidence).promote;
  candidate.rejected_before = RejectedShare(question.active.threshold, all.active);
  candidate.rejected_after = RejectedShare(threshold, all.after);
  return candidate;
}

// Of the layers that would be promoted the one that rejects the fewest of those who were left out; nothing where there
// is none.
absl::StatusOr<std::optional<Candidate>> FindPromotable(const Question& question, HeadMethod method,
                                                        v1::Training& record, OnChange on_change) {
  std::optional<Candidate> best;
  for (const HeadChoice& choice : HeadChoices(method)) {
    if (choice.changes_nothing()) continue;
    absl::StatusOr<Candidate> candidate = Try(question, choice);
    if (IsNoLayer(candidate.status())) continue;
    if (!candidate.ok()) return candidate.status();
    if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
    if (!candidate->promotable) continue;
    if (!best.has_value() || candidate->rejected_after < best->rejected_after) best = *std::move(candidate);
  }
  return best;
}

// The layer that tells people who were left out apart best, each group at a threshold of its own: what it would cost at
// the one that decides is seen then. Nothing where that is the network as it is.
absl::StatusOr<std::optional<Candidate>> FindMostTelling(const Question& question) {
  const absl::StatusOr<HeadChoice> choice = question.fitter.Choose();
  if (!choice.ok()) return choice.status();
  if (choice->changes_nothing()) return std::nullopt;
  absl::StatusOr<Candidate> candidate = Try(question, *choice);
  if (!candidate.ok()) return candidate.status();
  return *std::move(candidate);
}

absl::StatusOr<Faces> EmbedSide(Progress& progress, const Embedder& base, const Embedder* other, const Side& side) {
  absl::StatusOr<Rows> rows = progress.Embed(base, side.crops);
  if (!rows.ok()) return rows.status();
  Faces faces{*rows, *std::move(rows), side.people};
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
  const absl::StatusOr<Faces> trained_on = EmbedSide(progress, **embedder, other, sides.trained_on);
  if (!trained_on.ok()) return trained_on.status();
  const absl::StatusOr<Faces> strangers = EmbedSide(progress, **embedder, other, sides.strangers);
  if (!strangers.ok()) return strangers.status();
  const auto before =
      EvaluateStrangers(strangers->base, strangers->people, record, target_fmr, base.manifest.cohort.get());
  if (!before.ok()) return before.status();
  if (before->has_value()) *record.mutable_before() = ToProto(**before, sides.strangers.photos);

  const HeadMethod method = MethodOf(config);
  const absl::StatusOr<HeadFitter> fitter =
      HeadFitter::Create(trained_on->base, trained_on->people, method, config.seed());
  if (!fitter.ok()) return fitter.status();
  const absl::StatusOr<MeasurementCarrier> carrier = MeasurementCarrier::Create(base.manifest);
  const Question question{base,        active,     target_fmr, *fitter, carrier.ok() ? &*carrier : nullptr,
                          *trained_on, *strangers, record};
  const bool decides = active.threshold.has_value() && carrier.ok() &&
                       MeasuredOnly(base.manifest.operating_points, target_fmr).has_value();
  absl::StatusOr<std::optional<Candidate>> found = std::nullopt;
  if (decides) found = FindPromotable(question, method, record, on_change);
  if (found.ok() && !found->has_value()) found = FindMostTelling(question);
  if (!found.ok()) return found.status();
  TaughtModel taught;
  if (!found->has_value()) return taught;
  const Candidate& best = **found;
  v1::HeadFit& fit = *record.mutable_result()->mutable_head();
  fit.set_shrinkage(best.choice.shrinkage);
  fit.set_mean_share(best.choice.mean_share);
  fit.set_rejected_before(best.rejected_before);
  fit.set_rejected_after(best.rejected_after);

  const auto after = EvaluateStrangers(Moved(strangers->base, best.layer), strangers->people, record, target_fmr,
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
