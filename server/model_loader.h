// From a bundle's file to a model that can answer.
#ifndef LIKENESS_SERVER_MODEL_LOADER_H_
#define LIKENESS_SERVER_MODEL_LOADER_H_

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/embedding/batch_clock.h"
#include "server/inference/device.h"
#include "server/models/generation.h"
#include "server/models/model_folder.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// Thread-safe.
class ModelLoader {
 public:
  // All must outlive it, and it what it loads.
  ModelLoader(const ServerConfig& config, const Device& device, Metrics& metrics)
      : config_(config), device_(device), metrics_(metrics) {}

  // Loads and warms up the network, with batching in front where it pays, and chooses the threshold. Errors name the
  // file.
  absl::StatusOr<Generation> Load(const VerifiedBundle& bundle);

  // What the bundle says of itself. Errors name the file.
  static absl::StatusOr<ModelEntry> EntryOf(const VerifiedBundle& bundle);

  // Shows in the metrics and in the log that the model answers.
  void Announce(const Generation& generation);

 private:
  const ServerConfig& config_;
  const Device& device_;
  Metrics& metrics_;
  RealBatchClock clock_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODEL_LOADER_H_
