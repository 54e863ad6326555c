#include "server/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/errors/errors.h"
#include "server/files/files.h"
#include "server/hashing/sha256.h"
#include "server/inference/planes.h"
#include "server/seal/seal.h"
#include "server/training/contrastive_loss.h"
#include "server/training/hardest_pairs.h"

namespace likeness {
namespace {

// Faces that go through the network at once. On a processor more of them take more memory and are slower
// (docs/training.md has the figures): activations above 32 MB glibc maps from the system anew each time. A GPU would
// rather be called seldom.
constexpr size_t kFacesAtOnceOnCpu = 8;
constexpr size_t kFacesAtOnceOnCuda = 128;
constexpr size_t kBytesInPixel = 3;

absl::Status CheckOptions(const TrainerOptions& options) {
  const auto positive = [](double number) { return std::isfinite(number) && number > 0; };
  if (!positive(options.margin)) return InvalidField("margin", "must be finite and above 0");
  if (!positive(options.learning_rate)) return InvalidField("learning_rate", "must be finite and above 0");
  if (options.pairs_per_epoch < 1) return InvalidField("pairs_per_epoch", "must be at least 1");
  if (options.batch_pairs < 1) return InvalidField("batch_pairs", "must be at least 1");
  if (!std::isfinite(options.distillation) || options.distillation < 0) {
    return InvalidField("distillation", "must be finite and 0 or more");
  }
  return absl::OkStatus();
}

absl::Status CheckSize(const Picture& crop, const BundleManifest& manifest) {
  if (crop.width == manifest.input_width && crop.height == manifest.input_height) return absl::OkStatus();
  return MakeError(Reason::INTERNAL, "a crop does not have the size of the network's input");
}

std::string IdentityOf(const ModelDigest& bundle, const TrainerOptions& options,
                       const std::vector<FaceExample>& examples) {
  FieldHasher hasher;
  hasher.Add(bundle.Hex());
  hasher.Add(absl::StrFormat("%a %d %d %a %d %d %d %d", options.margin, options.pairs_per_epoch, options.batch_pairs,
                             options.learning_rate, static_cast<int>(options.optimizer), options.mirror,
                             options.mine_hardest, options.seed));
  // Left out where it is 0, so that checkpoints from before there was such a weight are gone on from.
  if (options.distillation > 0) hasher.Add(absl::StrFormat("%a", options.distillation));
  for (const FaceExample& example : examples) {
    hasher.Add(absl::StrCat(example.person));
    hasher.Add({reinterpret_cast<const char*>(example.crop.rgb.data()), example.crop.rgb.size()});
  }
  return ModelDigest{hasher.Finish()}.Hex();
}

std::vector<int> PeopleOf(const std::vector<FaceExample>& examples) {
  std::vector<int> people;
  for (const FaceExample& example : examples) people.push_back(example.person);
  return people;
}

void Mirror(const Picture& picture, std::vector<uint8_t>& mirrored) {
  mirrored.resize(picture.rgb.size());
  const size_t width = static_cast<size_t>(picture.width);
  const size_t pixels = picture.rgb.size() / kBytesInPixel;
  for (size_t row = 0; row < pixels; row += width) {
    for (size_t x = 0; x < width; ++x) {
      std::memcpy(mirrored.data() + (row + width - 1 - x) * kBytesInPixel,
                  picture.rgb.data() + (row + x) * kBytesInPixel, kBytesInPixel);
    }
  }
}

NetworkOptions NetworkOptionsOf(const TrainerOptions& options) {
  return {.optimizer = options.optimizer, .learning_rate = options.learning_rate, .threads = options.threads};
}

size_t FacesAtOnceOn(const Device& device) {
  return device.kind == Device::Kind::kCpu ? kFacesAtOnceOnCpu : kFacesAtOnceOnCuda;
}

// Adds weight · mean ‖embedding − anchor‖² over the faces: to the loss, and its gradient to the loss's.
void AddDistillation(absl::Span<const float> embeddings, absl::Span<const float> anchors, size_t faces, double weight,
                     LossAndGradient& loss) {
  const double share = weight / static_cast<double>(faces);
  for (size_t i = 0; i < embeddings.size(); ++i) {
    const double away = static_cast<double>(embeddings[i]) - anchors[i];
    loss.loss += share * away * away;
    loss.gradient[i] += static_cast<float>(2 * share * away);
  }
}

}  // namespace

struct Trainer::EpochSums {
  void Add(absl::Span<const FacePair> step_pairs, const LossAndGradient& step) {
    loss += step.loss * static_cast<double>(step_pairs.size());
    for (size_t i = 0; i < step_pairs.size(); ++i) {
      (step_pairs[i].genuine ? genuine_pairs : impostor_pairs) += 1;
      (step_pairs[i].genuine ? genuine_distances : impostor_distances) += step.distances[i];
    }
  }

  void FillIn(TrainingStep& progress) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    progress.loss = loss / (genuine_pairs + impostor_pairs);
    progress.mean_genuine_distance = genuine_distances / std::max(genuine_pairs, 1.0);
    progress.mean_impostor_distance = impostor_distances / std::max(impostor_pairs, 1.0);
    progress.photos_per_second = photos / seconds;
  }

  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double photos = 0;
  double loss = 0;
  double genuine_pairs = 0;
  double impostor_pairs = 0;
  double genuine_distances = 0;
  double impostor_distances = 0;
};

Trainer::Trainer(const TrainerOptions& options, size_t faces_at_once, std::vector<FaceExample> examples,
                 PairSampler sampler, std::unique_ptr<TrainableNetwork> network, std::unique_ptr<TrainableNetwork> base)
    : options_(options),
      faces_at_once_(faces_at_once),
      examples_(std::move(examples)),
      sampler_(std::move(sampler)),
      network_(std::move(network)),
      base_(std::move(base)),
      identity_(IdentityOf(network_->digest(), options_, examples_)) {}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const VerifiedBundle& bundle, const Device& device,
                                                         const TrainerOptions& options,
                                                         std::vector<FaceExample> examples) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  absl::StatusOr<PairSampler> sampler = PairSampler::Create(PeopleOf(examples), options.seed);
  if (!sampler.ok()) return sampler.status();
  auto network = TrainableNetwork::Load(bundle, device, NetworkOptionsOf(options));
  if (!network.ok()) return network.status();
  for (const FaceExample& example : examples) {
    if (absl::Status status = CheckSize(example.crop, (*network)->manifest()); !status.ok()) return status;
  }
  std::unique_ptr<TrainableNetwork> base;
  if (options.distillation > 0) {
    auto loaded = TrainableNetwork::Load(bundle, device, NetworkOptionsOf(options));
    if (!loaded.ok()) return loaded.status();
    base = *std::move(loaded);
  }
  return std::unique_ptr<Trainer>(new Trainer(options, options.faces_at_once.value_or(FacesAtOnceOn(device)),
                                              std::move(examples), *std::move(sampler), *std::move(network),
                                              std::move(base)));
}

absl::StatusOr<int64_t> Trainer::MeasureMemory(const VerifiedBundle& bundle, const Device& device,
                                               const TrainerOptions& options) {
  const auto network = TrainableNetwork::Load(bundle, device, NetworkOptionsOf(options));
  if (!network.ok()) return network.status();
  const size_t faces = 2 * static_cast<size_t>(std::min(options.batch_pairs, options.pairs_per_epoch));
  const size_t at_once = options.faces_at_once.value_or(FacesAtOnceOn(device));
  return (*network)->MeasureMemory((*network)->rows_are_independent() ? std::min(faces, at_once) : faces);
}

absl::StatusOr<TrainingStep> Trainer::RunEpoch(absl::FunctionRef<absl::Status(const TrainingStep&)> on_step,
                                               absl::FunctionRef<absl::Status()> go_on) {
  const std::vector<FacePair> pairs = sampler_.Draw(epochs_done_, options_.pairs_per_epoch);
  SeededRandom mirroring(options_.seed, RandomPurpose::kMirroring, static_cast<uint64_t>(epochs_done_));
  const size_t batch = static_cast<size_t>(options_.batch_pairs);
  TrainingStep progress;
  progress.steps = static_cast<int>((pairs.size() + batch - 1) / batch);
  if (absl::Status status = EmbedByBase([&] { return on_step(progress); }); !status.ok()) return status;
  EpochSums sums;
  for (size_t begin = 0; begin < pairs.size(); begin += batch) {
    const absl::Status done = RunStep(absl::MakeSpan(pairs).subspan(begin, batch), mirroring, sums, go_on);
    if (!done.ok()) return done;
    ++progress.step;
    sums.FillIn(progress);
    if (absl::Status status = on_step(progress); !status.ok()) return status;
  }
  if (absl::Status status = network_->CheckFinite(); !status.ok()) return status;
  ++epochs_done_;
  return progress;
}

absl::Status Trainer::RunStep(absl::Span<const FacePair> pairs, SeededRandom& mirroring, EpochSums& sums,
                              absl::FunctionRef<absl::Status()> go_on) {
  Step step = LayOut(pairs, mirroring);
  const absl::StatusOr<std::vector<float>> embeddings = EmbedForStep(step.faces, go_on);
  if (!embeddings.ok()) return embeddings.status();
  const size_t size = static_cast<size_t>(manifest().embedding_size);
  if (options_.mine_hardest) {
    std::vector<BatchFace> faces;
    for (const StepFace& face : step.faces) faces.push_back({face.photo, examples_[face.photo].person});
    const auto hardest = HardestImpostorPairs(*embeddings, size, faces, pairs.size() - step.pairs.size());
    step.pairs.insert(step.pairs.end(), hardest.begin(), hardest.end());
  }
  LossAndGradient loss = ContrastiveLoss(*embeddings, size, step.pairs, options_.margin);
  if (options_.distillation > 0) {
    std::vector<float> anchors;
    for (const StepFace& face : step.faces) {
      const absl::Span<const float> anchor = BaseEmbedding(face);
      anchors.insert(anchors.end(), anchor.begin(), anchor.end());
    }
    AddDistillation(*embeddings, anchors, step.faces.size(), options_.distillation, loss);
  }
  if (!std::isfinite(loss.loss)) return MakeError(Reason::LOSS_NOT_FINITE, "the loss is not a number");
  sums.photos += static_cast<double>(step.faces.size());
  sums.Add(step.pairs, loss);
  return FollowGradient(step.faces, loss.gradient, go_on);
}

Trainer::Step Trainer::LayOut(absl::Span<const FacePair> pairs, SeededRandom& mirroring) const {
  Step step;
  for (const FacePair& pair : pairs) {
    const size_t first = step.faces.size();
    if (pair.genuine || !options_.mine_hardest) step.pairs.push_back({first, first + 1, pair.genuine});
    for (size_t photo : {pair.a, pair.b}) step.faces.push_back({photo, options_.mirror && mirroring.Coin()});
  }
  return step;
}

absl::StatusOr<std::vector<float>> Trainer::EmbedForStep(absl::Span<const StepFace> faces,
                                                         absl::FunctionRef<absl::Status()> go_on) {
  const size_t part = FacesAtOnce(faces.size());
  if (faces.size() <= part) return network_->Forward(PlanesOf(faces), faces.size());
  std::vector<float> embeddings;
  for (size_t begin = 0; begin < faces.size(); begin += part) {
    if (absl::Status status = go_on(); !status.ok()) return status;
    const absl::Span<const StepFace> some = faces.subspan(begin, part);
    const absl::StatusOr<std::vector<float>> rows = network_->Preview(PlanesOf(some), some.size());
    if (!rows.ok()) return rows.status();
    embeddings.insert(embeddings.end(), rows->begin(), rows->end());
  }
  return embeddings;
}

absl::Status Trainer::FollowGradient(absl::Span<const StepFace> faces, absl::Span<const float> gradient,
                                     absl::FunctionRef<absl::Status()> go_on) {
  const size_t part = FacesAtOnce(faces.size());
  const size_t size = static_cast<size_t>(manifest().embedding_size);
  for (size_t begin = 0; begin < faces.size(); begin += part) {
    const absl::Span<const StepFace> some = faces.subspan(begin, part);
    if (faces.size() > part) {
      if (absl::Status status = go_on(); !status.ok()) return status;
      const absl::StatusOr<std::vector<float>> again = network_->Forward(PlanesOf(some), some.size());
      if (!again.ok()) return again.status();
    }
    const absl::Status status = network_->Backward(gradient.subspan(begin * size, some.size() * size));
    if (!status.ok()) return status;
  }
  return network_->Step();
}

absl::Status Trainer::EmbedByBase(absl::FunctionRef<absl::Status()> go_on) {
  if (base_ == nullptr) return absl::OkStatus();
  std::vector<StepFace> faces;
  for (const bool mirrored : {false, true}) {
    if (mirrored && !options_.mirror) break;
    for (size_t photo = 0; photo < examples_.size(); ++photo) faces.push_back({photo, mirrored});
  }
  base_embeddings_.clear();
  for (size_t begin = 0; begin < faces.size(); begin += faces_at_once_) {
    if (absl::Status status = go_on(); !status.ok()) return status;
    const absl::Span<const StepFace> some = absl::MakeSpan(faces).subspan(begin, faces_at_once_);
    const absl::StatusOr<std::vector<float>> rows = base_->Embed(PlanesOf(some), some.size());
    if (!rows.ok()) return rows.status();
    base_embeddings_.insert(base_embeddings_.end(), rows->begin(), rows->end());
  }
  base_.reset();
  return absl::OkStatus();
}

absl::Span<const float> Trainer::BaseEmbedding(const StepFace& face) const {
  const size_t size = static_cast<size_t>(manifest().embedding_size);
  const size_t row = face.photo + (face.mirrored ? examples_.size() : 0);
  return absl::MakeSpan(base_embeddings_).subspan(row * size, size);
}

absl::Span<const float> Trainer::PlanesOf(absl::Span<const StepFace> faces) {
  planes_.clear();
  for (const StepFace& face : faces) {
    const Picture& crop = examples_[face.photo].crop;
    if (face.mirrored) Mirror(crop, mirrored_);
    AppendPlanes(face.mirrored ? mirrored_ : crop.rgb, manifest().input, planes_);
  }
  return planes_;
}

absl::Status Trainer::SaveCheckpoint(const std::string& path) const {
  absl::StatusOr<std::string> archive = network_->Save(identity_, epochs_done_);
  if (!archive.ok()) return archive.status();
  const absl::StatusOr<std::string> sealed = SealArchive(*std::move(archive));
  if (!sealed.ok()) return sealed.status();
  return ReplaceFile(path, *sealed);
}

absl::Status Trainer::RestoreCheckpoint(const std::string& path) {
  const absl::StatusOr<std::string> file = ReadWholeFile(path);
  if (!file.ok()) return file.status();
  const auto wrong = [&path](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat("checkpoint ", path, ": ", status.message()));
  };
  if (const auto digest = VerifySeal(*file); !digest.ok()) return wrong(digest.status());
  const absl::StatusOr<int> epochs = network_->Restore(identity_, *file);
  if (!epochs.ok()) return wrong(epochs.status());
  epochs_done_ = *epochs;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<float>>> Trainer::Embed(absl::Span<const Picture> crops) const {
  std::vector<std::vector<float>> embeddings;
  embeddings.reserve(crops.size());
  std::vector<float> planes;
  for (size_t begin = 0; begin < crops.size(); begin += faces_at_once_) {
    const absl::Span<const Picture> batch = crops.subspan(begin, faces_at_once_);
    planes.clear();
    for (const Picture& crop : batch) {
      if (absl::Status status = CheckSize(crop, manifest()); !status.ok()) return status;
      AppendPlanes(crop.rgb, manifest().input, planes);
    }
    const absl::StatusOr<std::vector<float>> rows = network_->Embed(planes, batch.size());
    if (!rows.ok()) return rows.status();
    if (!std::all_of(rows->begin(), rows->end(), [](float value) { return std::isfinite(value); })) {
      return MakeError(Reason::NETWORK_FAILED, "the network made an embedding that is not a number");
    }
    for (auto row = rows->begin(); row != rows->end(); row += manifest().embedding_size) {
      embeddings.emplace_back(row, row + manifest().embedding_size);
    }
  }
  return embeddings;
}

absl::StatusOr<std::string> Trainer::MakeBundle(const std::string& manifest_json) const {
  if (const auto manifest = ParseBundleManifest(manifest_json); !manifest.ok()) return manifest.status();
  absl::StatusOr<std::string> archive = network_->Export(manifest_json);
  if (!archive.ok()) return archive.status();
  return SealArchive(*std::move(archive));
}

}  // namespace likeness
