// Trains a bundle's network on labelled faces by the contrastive loss.
//
//   absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(path, device, options, std::move(examples));
//   while ((*trainer)->epochs_done() < epochs) {
//     absl::StatusOr<TrainingStep> epoch = (*trainer)->RunEpoch(tell);
//     …
//   }
//   absl::StatusOr<std::string> bundle = (*trainer)->MakeBundle(manifest_json);
#ifndef LIKENESS_SERVER_TRAINING_TRAINER_H_
#define LIKENESS_SERVER_TRAINING_TRAINER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/image/picture.h"
#include "server/inference/device.h"
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
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const std::string& bundle_path, const Device& device,
                                                         const TrainerOptions& options,
                                                         std::vector<FaceExample> examples);

  // Runs the next epoch and returns its last step. Both faces of all pairs of a step go through the network as one
  // batch. `on_step` hears of each step; its error, a cancellation, ends the epoch. LOSS_NOT_FINITE when the loss or a
  // weight is no longer a number, NETWORK_FAILED. After an error the weights are those of no whole epoch: only
  // RestoreCheckpoint() makes the trainer useful again.
  absl::StatusOr<TrainingStep> RunEpoch(absl::FunctionRef<absl::Status(const TrainingStep&)> on_step);

  // Whole epochs, those before a restored checkpoint included.
  int epochs_done() const { return epochs_done_; }

  // Writes everything needed to go on exactly from here, sealed: under a temporary name, brought to the disk, renamed.
  absl::Status SaveCheckpoint(const std::string& path) const;

  // Goes on from a checkpoint. NOT_FOUND; DATA_LOSS where it is damaged; FAILED_PRECONDITION where it is none, or of
  // another bundle, other options, other examples or another kind of device (threads may differ). An error leaves the
  // trainer as it was.
  absl::Status RestoreCheckpoint(const std::string& path);

  // Embeddings in evaluation mode, not mirrored, computed in batches of 64. INTERNAL where a crop has not the input's
  // size, NETWORK_FAILED also where an embedding is not a number.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(absl::Span<const Picture> crops) const;

  // Of the bundle that the training began with.
  const BundleManifest& manifest() const { return network_->manifest(); }

  // The trained network as the bytes of a sealed bundle with this likeness.json (docs/bundle.md). FAILED_PRECONDITION
  // where the text is no manifest. Weights smaller than 1e-30 are 0 in it.
  absl::StatusOr<std::string> MakeBundle(const std::string& manifest_json) const;

 private:
  // Sums over the pairs of an epoch so far.
  struct EpochSums;

  Trainer(const TrainerOptions& options, std::vector<FaceExample> examples, PairSampler sampler,
          std::unique_ptr<TrainableNetwork> network);

  // Trains on the pairs (numbers into examples_) and adds them to the sums.
  absl::Status RunStep(absl::Span<const FacePair> pairs, SeededRandom& mirroring, EpochSums& sums);
  // Appends the crop's planes to planes_.
  void AppendExample(const Picture& crop, bool mirrored);

  const TrainerOptions options_;
  const std::vector<FaceExample> examples_;
  const PairSampler sampler_;
  const std::unique_ptr<TrainableNetwork> network_;
  const std::string identity_;  // of what must be the same for a checkpoint to be gone on from
  int epochs_done_ = 0;
  // Room for a batch, kept from step to step.
  std::vector<float> planes_;
  std::vector<uint8_t> mirrored_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_TRAINER_H_
