// Trains a bundle's network on labelled faces by the contrastive loss.
//
//   absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(bundle, device, options, std::move(examples));
//   while ((*trainer)->epochs_done() < epochs) {
//     absl::StatusOr<TrainingStep> epoch = (*trainer)->RunEpoch(tell);
//     …
//   }
//   absl::StatusOr<std::string> bundle = (*trainer)->MakeBundle(manifest_json);
#ifndef LIKENESS_SERVER_TRAINING_TRAINER_H_
#define LIKENESS_SERVER_TRAINING_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/image/picture.h"
#include "server/inference/device.h"
#include "server/seal/verified_bundle.h"
#include "server/statistics/seeded_random.h"
#include "server/training/face_pair.h"
#include "server/training/pair_sampler.h"
#include "server/training/trainable_network.h"

namespace likeness {

// A face to train on.
struct FaceExample {
  Picture crop;    // of the size of the network's input
  int person = 0;  // any number, equal for the same person
};

struct TrainerOptions {
  double margin = 0;            // the contrastive margin m, finite, > 0
  int pairs_per_epoch = 0;      // >= 1; half genuine, half impostor
  int batch_pairs = 64;         // >= 1; the last step of an epoch may have fewer
  double learning_rate = 5e-4;  // finite, > 0
  OptimizerKind optimizer = OptimizerKind::kAdam;
  bool mirror = false;        // left and right are exchanged in half of the crops, at random
  bool mine_hardest = false;  // impostor pairs are the nearest ones among a step's faces
  uint64_t seed = 0;          // of all random choices
  int threads = 1;            // of the processor, >= 1
  // Weight of the mean squared distance between a step's embeddings and what the bundle that the training began with
  // makes of the same pictures: finite, >= 0. It keeps the network from forgetting what it is not shown.
  double distillation = 0;
  // How many faces of a step go through the network at once, >= 1; without it what suits the device. All of them where
  // the network does not take them one by one (TrainableNetwork::rows_are_independent()).
  std::optional<size_t> faces_at_once = std::nullopt;
};

// How far an epoch is. Means are over the pairs of the epoch so far.
struct TrainingStep {
  int step = 0;   // steps done
  int steps = 0;  // in an epoch
  double loss = 0;
  double mean_genuine_distance = 0;
  double mean_impostor_distance = 0;
  double photos_per_second = 0;  // through the network, forward and back
};

// Not thread-safe; any thread may call it, see TrainableNetwork for what that does to the thread. The same bundle,
// examples, options and device give the same weights, bit by bit, also across SaveCheckpoint() and RestoreCheckpoint().
class Trainer {
 public:
  // FIELD_INVALID, naming the field of TrainingConfig, where an option is out of its range; FIELD_INVALID also where
  // the examples make no pairs (PairSampler); INTERNAL where a crop has not the input's size; the errors of
  // TrainableNetwork::Load().
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const VerifiedBundle& bundle, const Device& device,
                                                         const TrainerOptions& options,
                                                         std::vector<FaceExample> examples);

  // About how many bytes a training by these options takes at its peak, its examples apart. Loads the bundle and runs
  // it on a few made-up pictures. The errors of TrainableNetwork::Load(), NETWORK_FAILED.
  static absl::StatusOr<int64_t> MeasureMemory(const VerifiedBundle& bundle, const Device& device,
                                               const TrainerOptions& options);

  // Runs the next epoch and returns its last step. Where the network allows it, the faces of a step go through it in
  // parts, twice: first all of them without a way back, which gives the loss and its gradient in respect to each
  // embedding, then each part forward and back with its share. The gradients of the weights add up to those of one
  // batch, in the memory of one part (L. Gao et al.: "Scaling Deep Contrastive Learning Batch Size under Memory Limited
  // Setup", RepL4NLP 2021).
  //
  // `on_step` hears of each step, and of steps of which none is done while the base's embeddings are made for
  // distillation; `go_on` is asked between the parts of a step. The error of either, a cancellation, ends the epoch.
  // LOSS_NOT_FINITE when the loss or a weight is no longer a number, NETWORK_FAILED. After an error the weights are
  // those of no whole epoch: only RestoreCheckpoint() makes the trainer useful again.
  absl::StatusOr<TrainingStep> RunEpoch(absl::FunctionRef<absl::Status(const TrainingStep&)> on_step,
                                        absl::FunctionRef<absl::Status()> go_on);
  absl::StatusOr<TrainingStep> RunEpoch(absl::FunctionRef<absl::Status(const TrainingStep&)> on_step) {
    return RunEpoch(on_step, [] { return absl::OkStatus(); });
  }

  // Whole epochs, those before a restored checkpoint included.
  int epochs_done() const { return epochs_done_; }

  // Writes everything needed to go on exactly from here, sealed: under a temporary name, brought to the disk, renamed.
  absl::Status SaveCheckpoint(const std::string& path) const;

  // Goes on from a checkpoint. NOT_FOUND; DATA_LOSS where it is damaged; FAILED_PRECONDITION where it is none, or of
  // another bundle, other options, other examples or another kind of device (threads may differ). An error leaves the
  // trainer as it was.
  absl::Status RestoreCheckpoint(const std::string& path);

  // Embeddings in evaluation mode, not mirrored, computed as many at once as in a step. INTERNAL where a crop has not
  // the input's size, NETWORK_FAILED also where an embedding is not a number.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(absl::Span<const Picture> crops) const;

  // Of the bundle that the training began with.
  const BundleManifest& manifest() const { return network_->manifest(); }

  // The trained network as the bytes of a sealed bundle with this likeness.json (docs/bundle.md). FAILED_PRECONDITION
  // where the text is no manifest. Weights smaller than 1e-30 are 0 in it.
  absl::StatusOr<std::string> MakeBundle(const std::string& manifest_json) const;

 private:
  // Sums over the pairs of an epoch so far.
  struct EpochSums;
  // A face of a step.
  struct StepFace {
    size_t photo = 0;  // number into examples_
    bool mirrored = false;
  };
  // A step's faces, and its pairs as numbers into them: without the impostor pairs where those are mined.
  struct Step {
    std::vector<StepFace> faces;
    std::vector<FacePair> pairs;
  };

  Trainer(const TrainerOptions& options, size_t faces_at_once, std::vector<FaceExample> examples, PairSampler sampler,
          std::unique_ptr<TrainableNetwork> network, std::unique_ptr<TrainableNetwork> base);

  // Trains on the pairs (numbers into examples_) and adds them to the sums.
  absl::Status RunStep(absl::Span<const FacePair> pairs, SeededRandom& mirroring, EpochSums& sums,
                       absl::FunctionRef<absl::Status()> go_on);
  Step LayOut(absl::Span<const FacePair> pairs, SeededRandom& mirroring) const;
  // Embeddings in training mode. Where all faces fit into one part, FollowGradient() needs no second run.
  absl::StatusOr<std::vector<float>> EmbedForStep(absl::Span<const StepFace> faces,
                                                  absl::FunctionRef<absl::Status()> go_on);
  // Moves the weights; `gradient` is in respect to the embeddings of the faces.
  absl::Status FollowGradient(absl::Span<const StepFace> faces, absl::Span<const float> gradient,
                              absl::FunctionRef<absl::Status()> go_on);
  // Makes base_embeddings_, once.
  absl::Status EmbedByBase(absl::FunctionRef<absl::Status()> go_on);
  absl::Span<const float> BaseEmbedding(const StepFace& face) const;
  // The planes of the faces, valid until the next call.
  absl::Span<const float> PlanesOf(absl::Span<const StepFace> faces);
  // Of a step of so many.
  size_t FacesAtOnce(size_t faces) const { return network_->rows_are_independent() ? faces_at_once_ : faces; }

  const TrainerOptions options_;
  const size_t faces_at_once_;  // where the network allows it
  const std::vector<FaceExample> examples_;
  const PairSampler sampler_;
  const std::unique_ptr<TrainableNetwork> network_;
  std::unique_ptr<TrainableNetwork> base_;  // as it was, until base_embeddings_ are made; null without distillation
  std::vector<float> base_embeddings_;      // a row for each example, then one for each mirrored
  const std::string identity_;              // of what must be the same for a checkpoint to be gone on from
  int epochs_done_ = 0;
  // Room for a part, kept from step to step.
  std::vector<float> planes_;
  std::vector<uint8_t> mirrored_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_TRAINER_H_
