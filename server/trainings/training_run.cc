#include "server/trainings/training_run.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/embedding/bundle.h"
#include "server/errors/errors.h"
#include "server/inference/archive.h"
#include "server/training/evaluation.h"
#include "server/training/photo_check.h"
#include "server/training/promotion.h"
#include "server/training/trainer.h"
#include "server/trainings/bad_photos.h"
#include "server/trainings/training_config.h"

namespace likeness {
namespace {

v1::Evaluation ToProto(const Evaluation& evaluation, const std::vector<int>& photo_indices) {
  v1::Evaluation proto;
  proto.set_genuine_pairs(evaluation.genuine_pairs);
  proto.set_impostor_pairs(evaluation.impostor_pairs);
  if (evaluation.equal_error_rate.has_value()) proto.set_equal_error_rate(*evaluation.equal_error_rate);
  if (evaluation.area_under_roc.has_value()) proto.set_area_under_roc(*evaluation.area_under_roc);
  for (const TargetFigures& figures : evaluation.rates) {
    v1::ErrorRates* added = proto.add_rates();
    added->set_target_false_match_rate(figures.target);
    added->set_false_match_rate(figures.rates.false_match_rate);
    added->set_false_non_match_rate(figures.rates.false_non_match_rate);
    added->set_false_non_match_rate_low(figures.false_non_match_rate.low);
    added->set_false_non_match_rate_high(figures.false_non_match_rate.high);
    added->set_distance(figures.rates.distance);
  }
  for (int64_t count : evaluation.genuine_histogram) proto.add_genuine_histogram(count);
  for (int64_t count : evaluation.impostor_histogram) proto.add_impostor_histogram(count);
  proto.set_bin_width(evaluation.bin_width);
  for (const PairExample& example : evaluation.examples) {
    v1::PairExample* added = proto.add_examples();
    added->set_photo_a(photo_indices[example.a]);
    added->set_photo_b(photo_indices[example.b]);
    added->set_genuine(example.genuine);
    added->set_distance(example.distance);
  }
  return proto;
}

// The run's faces on their two sides.
struct Sides {
  std::vector<FaceExample> examples;
  std::vector<Picture> stranger_crops;
  std::vector<int> stranger_people;
  std::vector<int> stranger_photos;  // their numbers among the photos sent
};

Sides Divide(const std::vector<TrainingFace>& faces) {
  Sides sides;
  for (const TrainingFace& face : faces) {
    if (face.stranger) {
      sides.stranger_crops.push_back(face.crop);
      sides.stranger_people.push_back(face.person);
      sides.stranger_photos.push_back(face.photo_index);
    } else {
      sides.examples.push_back({face.crop, face.person});
    }
  }
  return sides;
}

using OnChange = absl::FunctionRef<absl::Status(const v1::Training&, bool durable)>;

// By the network as it is now. A few at a time, so that a cancellation need not wait for all of them.
absl::StatusOr<std::vector<std::vector<float>>> EmbedAll(const Trainer& trainer, const std::vector<TrainingFace>& faces,
                                                         const v1::Training& record, OnChange on_change) {
  constexpr size_t kAtOnce = 64;
  std::vector<std::vector<float>> embeddings;
  while (embeddings.size() < faces.size()) {
    if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;
    std::vector<Picture> crops;
    for (size_t i = embeddings.size(); i < faces.size() && crops.size() < kAtOnce; ++i) crops.push_back(faces[i].crop);
    const absl::StatusOr<std::vector<std::vector<float>>> next = trainer.Embed(crops);
    if (!next.ok()) return next.status();
    embeddings.insert(embeddings.end(), next->begin(), next->end());
  }
  return embeddings;
}

// The faces without those that the base model finds to be wrong, as the record then says.
absl::StatusOr<std::vector<TrainingFace>> KeepGoodPhotos(const Trainer& trainer, const BundleManifest& base,
                                                         const std::vector<TrainingFace>& faces, v1::Training& record,
                                                         OnChange on_change) {
  if (base.operating_points.empty()) return faces;  // nobody knows what its distances say
  const absl::StatusOr<std::vector<std::vector<float>>> embeddings = EmbedAll(trainer, faces, record, on_change);
  if (!embeddings.ok()) return embeddings.status();
  std::vector<int> people;
  for (const TrainingFace& face : faces) people.push_back(face.person);
  return LeaveOutBadPhotos(faces, FindBadPhotos(*embeddings, people, base), *record.mutable_data());
}

// Of the network as it is now, with the cohort that its distances would be normalized by, if any; nothing where nobody
// is held out.
absl::StatusOr<std::optional<Evaluation>> EvaluateStrangers(const Trainer& trainer, const Sides& sides,
                                                            const v1::Training& record, const Cohort* cohort) {
  if (sides.stranger_crops.empty()) return std::nullopt;
  const absl::StatusOr<std::vector<std::vector<float>>> embeddings = trainer.Embed(sides.stranger_crops);
  if (!embeddings.ok()) return embeddings.status();
  const v1::TrainingConfig& config = record.config();
  const std::set<double> targets = {0.001, 0.01, config.promotion_fmr()};
  absl::StatusOr<Evaluation> evaluation =
      Evaluate(*embeddings, sides.stranger_people,
               {.margin = config.margin(),
                .target_false_match_rates = {targets.begin(), targets.end()},
                .seed = config.seed(),
                .source = absl::StrCat("strangers of training ", record.training_id()),
                .cohort = cohort});
  if (!evaluation.ok()) return evaluation.status();
  return *std::move(evaluation);
}

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

// likeness.json of the trained model: the base's, with what the training changed.
std::string ManifestOf(const BaseModel& base, const v1::Training& record, const std::optional<Evaluation>& after) {
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(base.manifest_json);
  manifest["name"] = record.config().name();
  manifest["version"] = "1.0.0";
  manifest["margin"] = record.config().margin();
  WriteMeasurements(after.has_value() ? after->measurements : BundleMeasurements{}, manifest);
  const nlohmann::ordered_json before = manifest.value("provenance", nlohmann::ordered_json::object());
  manifest["provenance"] = {{"source", absl::StrCat("trained by likeness from ", base.manifest.name)},
                            {"license", before.value("license", "unknown")},
                            {"base", before},
                            {"base_model", record.config().base_model()},
                            {"training_id", record.training_id()},
                            {"people", record.data().people()},
                            {"photos", record.data().accepted_photos()},
                            {"epochs", record.config().epochs()},
                            {"seed", record.config().seed()}};
  return manifest.dump(2);
}

// Waits until the model is active, or says why it is not.
absl::Status Activate(Activations& activations, const ModelDigest& model) {
  if (absl::Status status = activations.Begin(model, /*leave_behind=*/false); !status.ok()) return status;
  std::optional<ActivationProgress> progress = activations.Progress();
  while (progress->running && progress->model == model) {
    progress = activations.AwaitChange(progress->changes, absl::Seconds(1));
  }
  if (!(progress->model == model)) return MakeError(Reason::ACTIVATION_RUNNING, "another model was activated instead");
  return progress->outcome;
}

}  // namespace

absl::StatusOr<BaseModel> FindBaseModel(const TrainingSurroundings& surroundings, const std::string& base_model) {
  BaseModel base;
  if (const std::optional<ModelDigest> digest = ModelDigest::FromHex(base_model); digest.has_value()) {
    const absl::StatusOr<ModelEntry> entry = surroundings.models.Find(*digest);
    if (!entry.ok()) return entry.status();
    if (absl::Status status = ModelFolder::Check(*entry); !status.ok()) return status;
    base.path = entry->path;
  } else {
    const bool plain = base_model.find('/') == std::string::npos && base_model.find('\0') == std::string::npos;
    base.path = absl::StrCat(surroundings.bundles_folder, "/", base_model, ".pt");
    std::error_code ignored;
    if (!plain || base_model.empty() || base_model[0] == '.' || !std::filesystem::is_regular_file(base.path, ignored)) {
      return WithField(MakeError(Reason::MODEL_NOT_FOUND, "the server has no model of this digest or name"),
                       "config.base_model");
    }
  }
  const absl::StatusOr<Archive> archive = Archive::Open(base.path, Device{});
  if (!archive.ok()) return MakeError(Reason::MODEL_CORRUPT, archive.status().message());
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(archive->manifest());
  if (!manifest.ok()) return MakeError(Reason::MODEL_CORRUPT, manifest.status().message());
  base.manifest_json = archive->manifest();
  base.manifest = *std::move(manifest);
  return base;
}

absl::Status RunTraining(const TrainingSurroundings& surroundings, const std::string& folder,
                         const std::vector<TrainingFace>& faces, v1::Training& record,
                         absl::FunctionRef<absl::Status(const v1::Training&, bool durable)> on_change) {
  const v1::TrainingConfig& config = record.config();
  const absl::StatusOr<BaseModel> base = FindBaseModel(surroundings, config.base_model());
  if (!base.ok()) return base.status();
  Sides sides = Divide(faces);
  const auto create = [&] {
    return Trainer::Create(base->path, surroundings.device, TrainerOptionsOf(config, surroundings.threads),
                           std::move(sides.examples));
  };
  absl::StatusOr<std::unique_ptr<Trainer>> created = create();
  if (!created.ok()) return created.status();
  const absl::StatusOr<std::vector<TrainingFace>> kept =
      KeepGoodPhotos(**created, base->manifest, faces, record, on_change);
  if (!kept.ok()) return kept.status();
  if (kept->size() < faces.size()) {
    sides = Divide(*kept);
    created->reset();
    created = create();
    if (!created.ok()) return created.status();
  }
  Trainer& trainer = **created;

  // Always anew: it is cheap beside the training, and the decision needs it whole.
  const absl::StatusOr<std::optional<Evaluation>> before =
      EvaluateStrangers(trainer, sides, record, base->manifest.cohort.get());
  if (!before.ok()) return before.status();
  if (before->has_value()) *record.mutable_before() = ToProto(**before, sides.stranger_photos);
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
    const absl::StatusOr<TrainingStep> done = trainer.RunEpoch(tell);
    if (!done.ok()) return done.status();
    // The record first: after a kill in between the epoch is done again, with the same result; the other way round it
    // would be missing from the record.
    *record.add_epochs() = record.progress();
    if (absl::Status status = on_change(record, /*durable=*/true); !status.ok()) return status;
    if (absl::Status status = trainer.SaveCheckpoint(checkpoint); !status.ok()) return status;
  }

  // The base's cohort is of the base's space: the trained network has moved, so its threshold is plain.
  const absl::StatusOr<std::optional<Evaluation>> after = EvaluateStrangers(trainer, sides, record, /*cohort=*/nullptr);
  if (!after.ok()) return after.status();
  if (after->has_value()) *record.mutable_after() = ToProto(**after, sides.stranger_photos);
  if (absl::Status status = on_change(record, /*durable=*/false); !status.ok()) return status;

  const std::string manifest = ManifestOf(*base, record, *after);
  const absl::StatusOr<std::string> bundle = trainer.MakeBundle(manifest);
  if (!bundle.ok()) return bundle.status();
  const absl::StatusOr<ModelEntry> entry =
      surroundings.models.Add(*bundle, manifest, record.training_id(), absl::Now());
  if (!entry.ok()) return entry.status();
  if (absl::Status status = surroundings.activations.Allow(entry->digest).status(); !status.ok()) return status;
  v1::Model& model = *record.mutable_result()->mutable_model();
  model.set_name(entry->manifest.name);
  model.set_version(entry->manifest.version);
  model.set_digest(entry->digest.Hex());
  model.set_embedding_size(entry->manifest.embedding_size);
  model.set_margin(entry->manifest.margin);

  const PromotionDecision decision = DecidePromotion(PromotionRuleOf(config), config.promotion_fmr(), *before, *after);
  record.mutable_result()->set_promotion_reason(decision.reason);
  if (decision.promote) {
    if (absl::Status status = Activate(surroundings.activations, entry->digest); status.ok()) {
      record.mutable_result()->set_promoted(true);
    } else {
      record.mutable_result()->set_promotion_reason(
          absl::StrCat(decision.reason, " But it could not be activated: ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace likeness
