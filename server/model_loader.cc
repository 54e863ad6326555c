#include "server/model_loader.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/embedding/batching_embedder.h"
#include "server/embedding/torch_embedder.h"
#include "server/inference/archive.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

// A batch pays on a GPU; on a CPU core its faces cost as much together as one by one.
BatchingOptions ChooseBatching(const ServerConfig& config, const Device& device) {
  constexpr int kMaxBatchOnGpu = 32;
  const bool gpu = device.kind == Device::Kind::kCuda;
  const int max_batch = config.max_batch > 0 ? config.max_batch : gpu ? kMaxBatchOnGpu : 1;
  return {.max_batch = max_batch, .max_delay = config.max_batch_delay, .runners = gpu ? 2 : 1};
}

// A network with the batching in front of it, which ends first.
struct LoadedModel {
  std::unique_ptr<TorchEmbedder> network;
  std::unique_ptr<BatchingEmbedder> batching;
};

Metrics::ThresholdSource SourceOf(const std::optional<Threshold>& threshold) {
  if (!threshold.has_value()) return Metrics::ThresholdSource::kNotMeasured;
  return IsMeasured(threshold) ? Metrics::ThresholdSource::kMeasured : Metrics::ThresholdSource::kHalfMargin;
}

// As the metric's labels.
const char* NameOf(Metrics::ThresholdSource source) {
  switch (source) {
    case Metrics::ThresholdSource::kMeasured:
      return "measured";
    case Metrics::ThresholdSource::kHalfMargin:
      return "half_margin";
    case Metrics::ThresholdSource::kNotMeasured:
      break;
  }
  return "not_measured";
}

}  // namespace

absl::StatusOr<Generation> ModelLoader::Load(const VerifiedBundle& bundle) {
  absl::StatusOr<std::unique_ptr<TorchEmbedder>> network = TorchEmbedder::Load(bundle, device_, config_.precision);
  if (!network.ok()) return network.status();
  const BundleManifest& manifest = (*network)->manifest();
  const std::optional<Threshold> threshold = ThresholdOf(manifest, config_.threshold);
  auto model = std::make_shared<LoadedModel>();
  model->network = *std::move(network);
  const Embedder* embedder = model->network.get();
  if (const BatchingOptions options = ChooseBatching(config_, device_); options.max_batch > 1) {
    model->batching = std::make_unique<BatchingEmbedder>(*model->network, options, clock_, metrics_);
    if (absl::Status status = model->batching->WarmUp(); !status.ok()) return status;
    embedder = model->batching.get();
  }
  return Generation{std::shared_ptr<const Embedder>(std::move(model), embedder), threshold};
}

absl::StatusOr<ModelEntry> ModelLoader::EntryOf(const VerifiedBundle& bundle) {
  const absl::StatusOr<Archive> archive = Archive::Open(bundle, Device{});
  if (!archive.ok()) return archive.status();
  absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(archive->manifest());
  if (!manifest.ok()) {
    return absl::Status(manifest.status().code(),
                        absl::StrCat("model bundle ", bundle.path(), ": ", manifest.status().message()));
  }
  return ModelEntry{bundle.digest(), bundle.path(), *std::move(manifest), absl::Now(), ""};
}

void ModelLoader::Announce(const Generation& generation) {
  const BundleManifest& manifest = generation.embedder->manifest();
  const std::string digest = generation.embedder->digest().Hex();
  const std::optional<Threshold>& threshold = generation.threshold;
  const Metrics::ThresholdSource source = SourceOf(threshold);
  const bool plain = manifest.cohort == nullptr;
  metrics_.SetModel(manifest.name, manifest.version, digest, device_.Name(),
                    threshold.has_value() ? threshold->distance : 0, {.source = source, .plain = plain});
  Log(IsMeasured(threshold) && !plain ? LogLevel::kInfo : LogLevel::kWarning, "model_active",
      {{"model", manifest.name},
       {"digest", digest},
       {"device", device_.Name()},
       {"threshold", threshold.has_value() ? nlohmann::ordered_json(threshold->distance) : nullptr},
       {"threshold_source", NameOf(source)},
       {"threshold_is_plain", plain}});
  if (threshold.has_value()) return;
  Log(LogLevel::kWarning, "threshold_not_measured",
      {{"model", manifest.name},
       {"digest", digest},
       {"target_fmr", config_.threshold.target_fmr},
       {"message", std::string(ThresholdNotMeasured().message())}});
}

}  // namespace likeness
