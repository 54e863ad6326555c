// A bundle's network while its weights change. Its source file is the one of this room that includes LibTorch.
//
//   absl::StatusOr<std::vector<float>> embeddings = network->Forward(planes, count);
//   const LossAndGradient loss = ContrastiveLoss(*embeddings, …);
//   absl::Status status = network->Backward(loss.gradient);
//   if (status.ok()) status = network->Step();
#ifndef LIKENESS_SERVER_TRAINING_TRAINABLE_NETWORK_H_
#define LIKENESS_SERVER_TRAINING_TRAINABLE_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/inference/device.h"
#include "server/seal/verified_bundle.h"
#include "server/verification/embedding.h"

namespace likeness {

enum class OptimizerKind {
  kAdam,  // beta 0.9 and 0.999 (Kingma and Ba 2015)
  kSgd,   // momentum 0.9
};

struct NetworkOptions {
  OptimizerKind optimizer = OptimizerKind::kAdam;
  double learning_rate = 5e-4;  // finite, > 0
  int threads = 1;              // of the processor, >= 1
};

// Not thread-safe. Each thread that calls it is made to flush subnormals and to compute with options.threads threads
// from then on; no other thread is touched. Planes are those of AppendPlanes(), one picture after the other.
// NETWORK_FAILED where LibTorch fails, for example for want of memory.
class TrainableNetwork {
 public:
  // Loads an embedding bundle. FAILED_PRECONDITION, naming the file, where it is none, or its weights are frozen in.
  static absl::StatusOr<std::unique_ptr<TrainableNetwork>> Load(const VerifiedBundle& bundle, const Device& device,
                                                                const NetworkOptions& options);
  ~TrainableNetwork();

  const BundleManifest& manifest() const { return manifest_; }
  // Of the bundle that was read.
  const ModelDigest& digest() const { return digest_; }

  // Whether a picture's embedding in training mode is its own: the same beside whichever other pictures, made without
  // random numbers and leaving nothing behind. Not so with batch norm, which takes its statistics from the batch, or
  // with dropout. Only then may a step's pictures go through the network in parts. Found out by running the network.
  bool rows_are_independent() const { return rows_are_independent_; }

  // The embeddings of `count` pictures in training mode, row after row, for which no Backward() follows.
  absl::StatusOr<std::vector<float>> Preview(absl::Span<const float> planes, size_t count);
  // The same, to be followed by Backward(): what was computed on the way is kept until then.
  absl::StatusOr<std::vector<float>> Forward(absl::Span<const float> planes, size_t count);
  // Adds to the weights' gradients: `gradient` is the loss's in respect to what Forward() returned. Once for each
  // Forward().
  absl::Status Backward(absl::Span<const float> gradient);
  // Moves the weights by the gradients that have been added up since the last step.
  absl::Status Step();

  // The embeddings in evaluation mode. Nothing changes.
  absl::StatusOr<std::vector<float>> Embed(absl::Span<const float> planes, size_t count) const;

  // LOSS_NOT_FINITE where a weight or statistic is not a number, or so large (1e19) that its square is none.
  absl::Status CheckFinite() const;

  // About how many bytes a training of this network takes at its peak, the network itself included: of steps whose
  // pictures go through it `pictures_at_once` by `pictures_at_once`, of a checkpoint, or of a bundle. Found out by
  // running the network on a few made-up pictures. Changes nothing.
  absl::StatusOr<int64_t> MeasureMemory(size_t pictures_at_once);

  // Weights, statistics and the optimiser's state, as a zip archive without a comment. `training` is a text of which
  // Restore() wants the same.
  absl::StatusOr<std::string> Save(absl::string_view training, int epochs) const;
  // Goes back to what Save() returned, and returns its epochs. FAILED_PRECONDITION for other bytes, another training,
  // or another kind of device; the network is then as it was.
  absl::StatusOr<int> Restore(absl::string_view training, absl::string_view saved);

  // The network in evaluation mode as a TorchScript archive with this likeness.json, a zip archive without a comment.
  // Weights smaller than 1e-30 become 0: as subnormal numbers they would make a processor ten times slower.
  absl::StatusOr<std::string> Export(const std::string& manifest_json) const;

 private:
  struct Torch;

  TrainableNetwork(BundleManifest manifest, const ModelDigest& digest, std::unique_ptr<Torch> torch);

  absl::Status FindWhetherRowsAreIndependent();

  BundleManifest manifest_;
  ModelDigest digest_;
  std::unique_ptr<Torch> torch_;
  bool rows_are_independent_ = false;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_TRAINABLE_NETWORK_H_
