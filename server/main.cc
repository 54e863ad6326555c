// likeness-server: reads the configuration, builds the objects, serves until a signal.
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/config/server_config.h"
#include "server/embedding/batching_embedder.h"
#include "server/embedding/torch_embedder.h"
#include "server/end_signals.h"
#include "server/gallery/sqlite_store.h"
#include "server/inference/device.h"
#include "server/rpc/face_verification_service.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics_server.h"
#include "server/telemetry/process_metrics.h"

namespace likeness {
namespace {

// A batch pays on a GPU; on a CPU core its faces cost as much together as one by one.
BatchingOptions ChooseBatching(const ServerConfig& config, const Device& device) {
  constexpr int kMaxBatchOnGpu = 32;
  const bool gpu = device.kind == Device::Kind::kCuda;
  const int max_batch = config.max_batch > 0 ? config.max_batch : gpu ? kMaxBatchOnGpu : 1;
  return {.max_batch = max_batch, .max_delay = config.max_batch_delay, .runners = gpu ? 2 : 1};
}

absl::Status Serve(const ServerConfig& config, const EndSignals& end_signals) {
  Metrics metrics;
  std::unique_ptr<MetricsServer> metrics_server;
  if (config.metrics_address != kMetricsOff) {
    auto started =
        MetricsServer::Start(config.metrics_address, {metrics.registry(), std::make_shared<ProcessMetrics>()});
    if (!started.ok()) return started.status();
    metrics_server = *std::move(started);
  }
  const absl::StatusOr<Device> device = ParseDevice(config.device);
  if (!device.ok()) return device.status();
  const absl::StatusOr<FaceFinder> finder = FaceFinder::Load(config.face_finder, *device);
  if (!finder.ok()) return finder.status();
  const auto embedder = TorchEmbedder::Load(config.model, *device, config.precision);
  if (!embedder.ok()) return embedder.status();
  const BundleManifest& manifest = (*embedder)->manifest();
  const absl::StatusOr<Threshold> threshold =
      ChooseThreshold(manifest.operating_points, config.target_fmr, manifest.margin);
  if (!threshold.ok()) return threshold.status();

  auto store = SqliteStore::Open(config.gallery_path);
  if (!store.ok()) return store.status();
  const auto gallery = Gallery::Open(*std::move(store), config.gallery, metrics);
  if (!gallery.ok()) return gallery.status();

  RealBatchClock clock;
  std::unique_ptr<BatchingEmbedder> batching;
  if (const BatchingOptions options = ChooseBatching(config, *device); options.max_batch > 1) {
    batching = std::make_unique<BatchingEmbedder>(**embedder, options, clock, metrics);
    if (absl::Status status = batching->WarmUp(); !status.ok()) return status;
  }
  const Embedder& network = batching == nullptr ? static_cast<const Embedder&>(**embedder) : *batching;
  const FaceEncoder encoder(*finder, network, config.photo, metrics);
  FaceVerification methods(encoder, **gallery, metrics, {*threshold, RandomReferenceId, absl::Now});
  WorkPool pool({config.workers, config.queue_limit, [&metrics](int64_t depth) { metrics.SetQueueDepth(depth); }});
  CallDispatcher dispatcher(pool, metrics);
  FaceVerificationService service(methods, dispatcher);
  const auto server = GrpcServer::Start(config.grpc, {&service}, {v1::FaceVerificationService::service_full_name()});
  if (!server.ok()) return server.status();

  const bool fallback = threshold->source == ThresholdSource::kHalfMargin;
  const std::string digest = (*embedder)->digest().Hex();
  metrics.SetModel(manifest.name, manifest.version, digest, device->Name(), threshold->distance, fallback);
  (*server)->SetServing();
  const nlohmann::ordered_json ports{{"grpc_port", (*server)->port()},
                                     {"metrics_port", metrics_server == nullptr ? 0 : metrics_server->port()}};
  nlohmann::ordered_json line{{"model", manifest.name},
                              {"digest", digest},
                              {"device", device->Name()},
                              {"threshold", threshold->distance},
                              {"threshold_is_fallback", fallback},
                              {"workers", config.workers}};
  line.update(ports);
  Log(fallback ? LogLevel::kWarning : LogLevel::kInfo, "serving", line);
  if (!config.ready_file.empty()) std::ofstream(config.ready_file) << ports << '\n';

  const int signal = end_signals.Wait();
  Log(LogLevel::kInfo, "shutting_down", {{"signal", signal}});
  (*server)->SetNotServing();
  absl::SleepFor(config.drain_delay);  // balancers notice, and send their calls elsewhere
  dispatcher.Drain(config.grace_period);
  (*server)->ShutDown();
  Log(LogLevel::kInfo, "stopped");
  return absl::OkStatus();
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  const likeness::EndSignals end_signals;
  const likeness::CommandLine command_line = likeness::ParseCommandLine(argc, argv);
  if (command_line.exit) {
    std::fputs(command_line.output.c_str(), command_line.exit_code == 0 ? stdout : stderr);
    return command_line.exit_code;
  }
  likeness::SetLogLevel(command_line.config.log_level);
  const absl::Status status = likeness::Serve(command_line.config, end_signals);
  if (status.ok()) return 0;
  likeness::Log(likeness::LogLevel::kError, "failed", {{"message", std::string(status.message())}});
  return 1;
}
