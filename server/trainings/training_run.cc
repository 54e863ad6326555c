#include "server/trainings/training_run.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/embedding/bundle.h"
#include "server/embedding/torch_embedder.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/files/files.h"
#include "server/inference/archive.h"
#include "server/training/embedding_pairs.h"
#include "server/training/evaluation.h"
#include "server/training/promotion.h"
#include "server/training/service_outcome.h"
#include "server/training/trainer.h"
#include "server/trainings/bad_photos.h"
#include "server/trainings/embed_faces.h"
#include "server/trainings/head_run.h"
#include "server/trainings/promote.h"
#include "server/trainings/training_config.h"

namespace likeness {
namespace {

void SetProgress(const TrainingStep& step, int epoch, int epochs, absl::Duration spent, int epochs_spent,
                 v1::TrainingProgress& progress) {
  progress.set_epoch(epoch);
  progress.set_step(step.step);
  progress.set_steps(step.steps);
  progress.set_loss(step.loss);
  progress.set_mean_genuine_distance(step.mean_genuine_distance);
  progress.set_mean_impostor_distance(step.mean_impostor_distance);
  progress.set_photos_per_second(step.photos_per_second);
  const double done = epochs_spent + static_cast<double>(step.step) / std::max(1, step.steps);
  const double left = epochs - epoch + 1 - static_cast<double>(step.step) / std::max(1, step.steps);
  if (done > 0) {
    *progress.mutable_time_left() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(absl::ToInt64Milliseconds(spent * (left / done)));
  }
}

// The embeddings of `crops` as the network is now, with a look at `on_change` between groups of them.
absl::StatusOr<std::vector<std::vector<float>>> EmbedByTrainer(const Trainer& trainer, absl::Span<const Picture> crops,
                                                               const v1::Training& record, OnChange on_change) {
  constexpr size_t kAtOnce = 256;
  std::vector<std::vector<float>> embeddings;
  for (size_t from = 0; from < crops.size(); from += kAtOnce) {
    if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
    absl::StatusOr<std::vector<std::vector<float>>> group = trainer.Embed(crops.subspan(from, kAtOnce));
    if (!group.ok()) return group.status();
    std::move(group->begin(), group->end(), std::back_inserter(embeddings));
  }
  return embeddings;
}

absl::StatusOr<VerifiedBundle> ReadBase(const TrainingSurroundings& surroundings, const std::string& base_model) {
  if (const std::optional<ModelDigest> digest = ModelDigest::FromHex(base_model); digest.has_value()) {
    absl::StatusOr<VerifiedModel> model = surroundings.activations.ReadForUse(*digest);
    if (!model.ok()) return model.status();
    return std::move(model->bundle);
  }
  const bool plain = base_model.find('/') == std::string::npos && base_model.find('\0') == std::string::npos;
  const std::string path = absl::StrCat(surroundings.bundles_folder, "/", base_model, ".pt");
  std::error_code ignored;
  if (!plain || base_model.empty() || base_model[0] == '.' || !std::filesystem::is_regular_file(path, ignored)) {
    return WithField(MakeError(Reason::MODEL_NOT_FOUND, "the server has no model of this digest or name"),
                     "config.base_model");
  }
  absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read(path);
  if (!bundle.ok()) return MakeError(Reason::MODEL_CORRUPT, bundle.status().message());
  return bundle;
}

}  // namespace

absl::StatusOr<BaseModel> FindBaseModel(const TrainingSurroundings& surroundings, const std::string& base_model) {
  const absl::StatusOr<VerifiedBundle> bundle = ReadBase(surroundings, base_model);
  if (!bundle.ok()) return bundle.status();
  const absl::StatusOr<Archive> archive = Archive::Open(*bundle, Device{});
  if (!archive.ok()) return MakeError(Reason::MODEL_CORRUPT, archive.status().message());
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(archive->manifest());
  if (!manifest.ok()) return MakeError(Reason::MODEL_CORRUPT, manifest.status().message());
  return BaseModel{*bundle, bundle->digest(), archive->manifest(), *std::move(manifest)};
}

namespace {

// Trains the whole network, from the checkpoint in `folder` where there is one.
absl::StatusOr<TaughtModel> TeachNetwork(const TrainingSurroundings& surroundings, const BaseModel& base,
                                         const std::string& folder, Sides sides, v1::Training& record,
                                         OnChange on_change) {
  const v1::TrainingConfig& config = record.config();
  std::vector<FaceExample> examples;
  for (size_t i = 0; i < sides.trained_on.crops.size(); ++i) {
    examples.push_back({std::move(sides.trained_on.crops[i]), sides.trained_on.people[i]});
  }
  const absl::StatusOr<std::unique_ptr<Trainer>> created = Trainer::Create(
      base.bundle, surroundings.device, TrainerOptionsOf(config, surroundings.threads), std::move(examples));
  if (!created.ok()) return created.status();
  Trainer& trainer = **created;
  const Side& strangers = sides.strangers;

  // Always anew: it is cheap beside the training, and the decision needs it whole.
  const absl::StatusOr<std::vector<std::vector<float>>> faces_before =
      EmbedByTrainer(trainer, strangers.crops, record, on_change);
  if (!faces_before.ok()) return faces_before.status();
  const auto before =
      EvaluateStrangers(*faces_before, strangers.people, record, surroundings.target_fmr, base.manifest.cohort.get());
  if (!before.ok()) return before.status();
  if (before->has_value()) *record.mutable_before() = ToProto(**before, strangers.photos);
  if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;

  const std::string checkpoint = folder + "/checkpoint";
  if (std::filesystem::exists(checkpoint)) {
    if (absl::Status status = trainer.RestoreCheckpoint(checkpoint); !status.ok()) return status;
  }
  // What the record has beyond the checkpoint is done again.
  while (record.epochs_size() > trainer.epochs_done()) record.mutable_epochs()->RemoveLast();
  const absl::Time start = absl::Now();
  const int epochs_before = trainer.epochs_done();
  while (trainer.epochs_done() < config.epochs()) {
    const int epoch = trainer.epochs_done() + 1;
    const auto tell = [&](const TrainingStep& step) {
      SetProgress(step, epoch, config.epochs(), absl::Now() - start, epoch - 1 - epochs_before,
                  *record.mutable_progress());
      return on_change(record, /*durable=*/false);
    };
    const absl::StatusOr<TrainingStep> done =
        trainer.RunEpoch(tell, [&] { return on_change(record, /*durable=*/false); });
    if (!done.ok()) return done.status();
    // The record first: after a kill in between the epoch is done again, with the same result; the other way round it
    // would be missing from the record.
    *record.add_epochs() = record.progress();
    if (absl::Status status = on_change(record, /*durable=*/true); !status.ok()) return status;
    if (absl::Status status = trainer.SaveCheckpoint(checkpoint); !status.ok()) return status;
  }

  // The base's cohort is of the base's space: the trained network has moved, so its threshold is plain.
  const absl::StatusOr<std::vector<std::vector<float>>> faces_after =
      EmbedByTrainer(trainer, strangers.crops, record, on_change);
  if (!faces_after.ok()) return faces_after.status();
  const auto after =
      EvaluateStrangers(*faces_after, strangers.people, record, surroundings.target_fmr, /*cohort=*/nullptr);
  if (!after.ok()) return after.status();
  if (after->has_value()) *record.mutable_after() = ToProto(**after, strangers.photos);
  if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;

  const BundleMeasurements measurements = after->has_value() ? (*after)->measurements : BundleMeasurements{};
  nlohmann::ordered_json manifest = ManifestOf(base, record, measurements);
  manifest["margin"] = config.margin();
  manifest["provenance"]["epochs"] = config.epochs();
  TaughtModel taught;
  taught.manifest = manifest.dump(2);
  absl::StatusOr<std::string> bundle = trainer.MakeBundle(taught.manifest);
  if (!bundle.ok()) return bundle.status();
  taught.bundle = *std::move(bundle);

  const std::shared_ptr<const Generation> active = surroundings.active.Get();
  std::vector<std::vector<float>> faces_now = *faces_before;
  if (CropKindOf(active->embedder->manifest()) != CropKindOf(base.manifest)) {
    taught.evidence.incomparable = "the model that answers takes other crops of photos than this one";
  } else if (!(active->embedder->digest() == base.digest)) {
    std::vector<const Picture*> crops;
    for (const Picture& crop : strangers.crops) crops.push_back(&crop);
    absl::StatusOr<std::vector<std::vector<float>>> embedded = EmbedFaces(*active->embedder, crops, record, on_change);
    if (!embedded.ok()) return embedded.status();
    faces_now = *std::move(embedded);
  }
  const absl::StatusOr<Threshold> threshold = MeasuredThreshold(measurements.operating_points, surroundings.target_fmr);
  const absl::StatusOr<PeoplePairs> now =
      PairsAmong(faces_now, strangers.people, active->embedder->manifest().cohort.get());
  if (!now.ok()) return now.status();
  const absl::StatusOr<PeoplePairs> then = PairsAmong(*faces_after, strangers.people, /*cohort=*/nullptr);
  if (!then.ok()) return then.status();
  const PairDistances pairs_now = SortedDistances(*now);
  const PairDistances pairs_after = SortedDistances(*then);
  taught.evidence.target_fmr = surroundings.target_fmr;
  taught.evidence.before = OutcomeAt(active->threshold, {{kHeldOut, pairs_now}}, /*foretold=*/false);
  taught.evidence.after = OutcomeAt(threshold.ok() ? std::optional<Threshold>(*threshold) : std::nullopt,
                                    {{kHeldOut, pairs_after}}, /*foretold=*/false);
  if (!threshold.ok()) {
    taught.evidence.unmeasured = WhatIsMissing(
        surroundings.target_fmr, static_cast<int64_t>(pairs_after.impostor.size()), record.data().strangers());
  }
  return taught;
}

void Fill(const ServiceOutcome& outcome, double target_fmr, v1::ServiceOutcome& proto) {
  proto.set_target_false_match_rate(target_fmr);
  if (outcome.threshold.has_value()) proto.set_threshold(*outcome.threshold);
  proto.set_measured(outcome.measured);
  for (const GroupOutcome& group : outcome.groups) {
    v1::GroupOutcome& added = *proto.add_groups();
    added.set_name(group.name);
    added.set_foretold(group.foretold);
    added.set_false_match_rate(group.false_match_rate);
    added.set_false_non_match_rate(group.false_non_match_rate);
    added.set_genuine_pairs(group.genuine_pairs);
    added.set_impostor_pairs(group.impostor_pairs);
  }
}

// The faces that are good to train on, with their embeddings by the base where these are needed: to find the bad ones,
// which only a measured base can, and for a layer.
absl::StatusOr<std::vector<TrainingFace>> Prepare(const BaseModel& base, const Device& device,
                                                  std::vector<TrainingFace> faces, v1::Training& record,
                                                  OnChange on_change) {
  const bool measured = !base.manifest.operating_points.empty();
  if (!measured && record.config().method() != v1::TRAINING_METHOD_LINEAR_HEAD) return faces;
  const absl::StatusOr<std::unique_ptr<TorchEmbedder>> embedder = TorchEmbedder::Load(base.bundle, device);
  if (!embedder.ok()) return embedder.status();
  std::vector<const Picture*> crops;
  for (const TrainingFace& face : faces) crops.push_back(&face.crop);
  absl::StatusOr<std::vector<std::vector<float>>> rows = EmbedFaces(**embedder, crops, record, on_change);
  if (!rows.ok()) return rows.status();
  for (size_t i = 0; i < faces.size(); ++i) faces[i].embedding = std::move((*rows)[i]);
  if (!measured) return faces;
  absl::StatusOr<std::vector<TrainingFace>> kept = KeepGoodPhotos(base.manifest, faces, *record.mutable_data());
  if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
  return kept;
}

// Whose being there says that the model of the record is to be made the active one.
std::string PromotionFile(const std::string& folder) { return folder + "/promotion"; }

// SHUTTING_DOWN: it is to be done after the next start. CANCELLED.
absl::Status ActivateIfPromoted(Activations& activations, const std::string& folder, v1::Training& record,
                                OnChange on_change) {
  if (!std::filesystem::exists(PromotionFile(folder))) return absl::OkStatus();
  v1::TrainingResult& result = *record.mutable_result();
  const std::optional<ModelDigest> model = ModelDigest::FromHex(result.model().digest());
  const absl::Status status = model.has_value() ? Promote(activations, *model, record, on_change)
                                                : MakeError(Reason::INTERNAL, "the record does not name the model");
  if (ReasonOf(status) == Reason::SHUTTING_DOWN || ReasonOf(status) == Reason::CANCELLED) return status;
  result.set_promoted(status.ok());
  if (!status.ok()) {
    result.set_promotion_reason(
        absl::StrCat(result.promotion_reason(), ". But it could not be activated: ", status.message()));
  }
  return absl::OkStatus();
}

// Adds the model to those that the server has, and makes it the active one where the promotion rule says so.
absl::Status Conclude(const TrainingSurroundings& surroundings, const TaughtModel& taught, const std::string& folder,
                      v1::Training& record, OnChange on_change) {
  v1::TrainingResult& result = *record.mutable_result();
  if (taught.bundle.empty()) {
    result.set_promotion_reason(
        "nothing was learned: no layer tells people who were left out apart better than the network as it is");
    return absl::OkStatus();
  }
  const absl::StatusOr<ModelEntry> entry =
      surroundings.models.Add(taught.bundle, taught.manifest, record.training_id(), absl::Now());
  if (!entry.ok()) return entry.status();
  if (absl::Status status = surroundings.activations.Allow(entry->digest).status(); !status.ok()) return status;
  v1::Model& model = *result.mutable_model();
  model.set_name(entry->manifest.name);
  model.set_version(entry->manifest.version);
  model.set_digest(entry->digest.Hex());
  model.set_embedding_size(entry->manifest.embedding_size);
  model.set_margin(entry->manifest.margin);
  Fill(taught.evidence.before, taught.evidence.target_fmr, *result.mutable_before());
  Fill(taught.evidence.after, taught.evidence.target_fmr, *result.mutable_after());

  const PromotionDecision decision = DecidePromotion(PromotionRuleOf(record.config()), taught.evidence);
  result.set_promotion_reason(decision.reason);
  std::error_code ignored;
  std::filesystem::remove(PromotionFile(folder), ignored);  // of a run that was interrupted here
  if (decision.promote) {
    if (absl::Status status = ReplaceFile(PromotionFile(folder), ""); !status.ok()) return status;
  }
  // A restart while it is being activated goes on with that, and not with the training.
  if (absl::Status status = on_change(record, /*durable=*/true); !status.ok()) return status;
  return ActivateIfPromoted(surroundings.activations, folder, record, on_change);
}

}  // namespace

absl::StatusOr<Picture> NetworkTraining::Crop(const BundleManifest& model, absl::string_view photo,
                                              StillWanted still_wanted) {
  absl::StatusOr<EncodedFace> face = encoder_.Crop(model, photo, FacePolicy::kLargest, still_wanted);
  if (!face.ok()) return face.status();
  return std::move(face->crop);
}

absl::StatusOr<int64_t> NetworkTraining::MeasureMemory(const BaseModel& base, const v1::TrainingConfig& config) {
  return Trainer::MeasureMemory(base.bundle, surroundings_.device, TrainerOptionsOf(config, surroundings_.threads));
}

absl::Status NetworkTraining::Run(const BaseModel& base, const std::string& folder, std::vector<TrainingFace> faces,
                                  v1::Training& record, OnChange on_change) {
  // What an interruption found made is not made again.
  if (record.result().has_model()) return ActivateIfPromoted(surroundings_.activations, folder, record, on_change);
  const absl::StatusOr<std::vector<TrainingFace>> kept =
      Prepare(base, surroundings_.device, std::move(faces), record, on_change);
  if (!kept.ok()) return kept.status();
  Sides sides = Divide(*kept);
  const absl::StatusOr<TaughtModel> taught =
      record.config().method() == v1::TRAINING_METHOD_LINEAR_HEAD
          ? TeachHead(base, surroundings_.device, *surroundings_.active.Get(), surroundings_.target_fmr, sides, record,
                      on_change)
          : TeachNetwork(surroundings_, base, folder, std::move(sides), record, on_change);
  if (!taught.ok()) return taught.status();
  return Conclude(surroundings_, *taught, folder, record, on_change);
}

}  // namespace likeness
