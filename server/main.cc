// likeness-server: reads the configuration, builds the objects, serves until a signal.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/config/server_config.h"
#include "server/end_signals.h"
#include "server/gallery/change_follower.h"
#include "server/gallery_opener.h"
#include "server/hashing/random_id.h"
#include "server/inference/device.h"
#include "server/model_loader.h"
#include "server/models/activation.h"
#include "server/operations/key_rotation.h"
#include "server/rpc/certificate_metrics.h"
#include "server/rpc/face_verification_service.h"
#include "server/rpc/gallery_service.h"
#include "server/rpc/model_service.h"
#include "server/rpc/operation_service.h"
#include "server/rpc/training_service.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics_server.h"
#include "server/telemetry/process_metrics.h"

namespace likeness {
namespace {

// What the health service calls the gallery.
constexpr char kGalleryPart[] = "gallery";

// The model that answered before the last end of the server, or the one that --model names.
absl::StatusOr<Generation> LoadActive(const ModelFolder& folder, Gallery& gallery, ModelLoader& loader) {
  const absl::StatusOr<ModelChoice> choice = gallery.coordination().ReadModelChoice();
  if (!choice.ok()) return choice.status();
  if (!choice->active.has_value()) return loader.Load(folder.base().path);
  const absl::StatusOr<ModelEntry> entry = folder.Find(*choice->active);
  if (!entry.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the active model ", choice->active->Hex(), " cannot be loaded: ", entry.status().message()));
  }
  return loader.Load(entry->path);
}

// A rate that the configured model was measured for, but not so low, is a mistake to show before anybody relies on it.
absl::Status CheckTarget(const ModelEntry& base, const ThresholdRule& rule) {
  if (base.manifest.operating_points.empty() || rule.unmeasured == UnmeasuredPolicy::kHalfMargin)
    return absl::OkStatus();
  const absl::StatusOr<Threshold> threshold = MeasuredThreshold(base.manifest.operating_points, rule.target_fmr);
  if (threshold.ok()) return absl::OkStatus();
  return absl::Status(threshold.status().code(), absl::StrCat("--target-fmr: ", threshold.status().message()));
}

absl::Status Serve(const ServerConfig& config, const EndSignals& end_signals) {
  Metrics metrics;
  std::unique_ptr<MetricsServer> metrics_server;
  if (config.metrics_address != kMetricsOff) {
    std::vector<std::shared_ptr<prometheus::Collectable>> sources = {metrics.registry(),
                                                                     std::make_shared<ProcessMetrics>()};
    if (!config.grpc.tls.certificate.empty()) {
      sources.push_back(std::make_shared<CertificateMetrics>(config.grpc.tls));
    }
    auto started = MetricsServer::Start(config.metrics_address, std::move(sources));
    if (!started.ok()) return started.status();
    metrics_server = *std::move(started);
  }
  const auto access = config.token_file.empty() ? absl::StatusOr<std::unique_ptr<Access>>(Access::Open())
                                                : Access::ByTokens(config.token_file, absl::Now);
  if (!access.ok()) return access.status();
  const auto audit = AuditTrail::Open(config.audit);
  if (!audit.ok()) return audit.status();
  const absl::StatusOr<Device> device = ParseDevice(config.device);
  if (!device.ok()) return device.status();
  const absl::StatusOr<FaceFinder> finder = FaceFinder::Load(config.face_finder, *device);
  if (!finder.ok()) return finder.status();
  absl::StatusOr<ModelEntry> base = ModelLoader::ReadEntry(config.model);
  if (!base.ok()) return base.status();
  if (absl::Status status = CheckTarget(*base, config.threshold); !status.ok()) return status;
  const auto folder = ModelFolder::Open(config.models_folder, *std::move(base));
  if (!folder.ok()) return folder.status();
  const auto gallery = OpenGallery(config, metrics);
  if (!gallery.ok()) return gallery.status();

  ModelLoader loader(config, *device, metrics);
  absl::StatusOr<Generation> first = LoadActive(**folder, **gallery, loader);
  if (!first.ok()) return first.status();
  ActiveGeneration active(*std::move(first));
  (*gallery)->KeepCrowding([&active](const Embedding& embedding) -> std::optional<double> {
    const std::shared_ptr<const Generation> generation = active.Get();
    const auto& cohort = generation->embedder->manifest().cohort;
    if (cohort == nullptr || embedding.model != generation->embedder->digest()) return std::nullopt;
    return cohort->Crowding(embedding.values);
  });
  Activations activations(
      **folder, **gallery, active, config.threshold,
      [&loader](const ModelEntry& entry) { return loader.Load(entry.path); },
      [&loader](const Generation& generation) { loader.Announce(generation); });

  const FaceEncoder encoder(*finder, config.photo, metrics);
  FaceVerification methods(
      encoder, active, **gallery, metrics,
      {config.retain_crops, RandomId, absl::Now, config.quality_gate, config.duplicates, config.reveal_duplicates},
      config.reference_policy, config.mismatches, config.probe_gate);
  metrics.SetQueueCapacity(config.queue_limit);
  WorkPool pool({config.workers, config.queue_limit, [&metrics](int64_t depth) { metrics.SetQueueDepth(depth); }});
  CallAdmission admission(**access, config.caller_limits, absl::Now);
  CallDispatcher dispatcher(pool, admission, metrics);
  const AdminCalls admin_calls(admission, **audit, metrics);
  FaceVerificationService service(methods, dispatcher, **audit);
  const auto trainings =
      TrainingJobs::Open(config.trainings_folder, config.training,
                         {**folder, activations, active, config.threshold.target_fmr, *device, config.train_threads,
                          std::filesystem::path(config.model).parent_path().string(), metrics},
                         active, encoder);
  if (!trainings.ok()) return trainings.status();
  TrainingService training_service(**trainings, admin_calls);
  ModelService model_service(**folder, **gallery, active, activations, admin_calls);
  KeyRotations rotations(**gallery);
  GalleryService gallery_service(**gallery, rotations, admin_calls);
  OperationService operation_service(**gallery, admin_calls);
  const auto server =
      GrpcServer::Start(config.grpc, {&service, &gallery_service, &model_service, &operation_service, &training_service},
                        {v1::FaceVerificationService::service_full_name(), v1::GalleryService::service_full_name(),
                         v1::ModelService::service_full_name(), v1::OperationService::service_full_name(),
                         v1::TrainingService::service_full_name()});
  if (!server.ok()) return server.status();

  loader.Announce(*active.Get());
  if (absl::Status status = activations.Enter(); !status.ok()) return status;
  if (absl::Status status = activations.Resume(); !status.ok()) return status;
  if (absl::Status status = rotations.Resume(); !status.ok()) return status;
  (*server)->SetServing();
  activations.set_on_ready([&server](const absl::Status& ready) {
    if (!ready.ok()) Log(LogLevel::kError, "not_ready", {{"message", std::string(ready.message())}});
    (*server)->SetServing(ready.ok());
  });
  (*server)->SetPartServing(kGalleryPart, true);
  const ChangeFollower follower(**gallery,
                                {[&] {
                                   rotations.Resume().IgnoreError();
                                   return activations.Follow();
                                 },
                                 [&](bool reachable) { (*server)->SetPartServing(kGalleryPart, reachable); }});
  const nlohmann::ordered_json ports{{"grpc_port", (*server)->port()},
                                     {"metrics_port", metrics_server == nullptr ? 0 : metrics_server->port()}};
  nlohmann::ordered_json line{{"workers", config.workers}};
  line.update(ports);
  Log(LogLevel::kInfo, "serving", line);
  if (config.master_key.file.empty() && config.master_key.text.empty()) Log(LogLevel::kWarning, "plaintext_gallery");
  if (config.insecure) Log(LogLevel::kWarning, "insecure", {{"address", config.grpc.address}});
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

int Run(int argc, char** argv) {
  const EndSignals end_signals;
  const CommandLine command_line = ParseCommandLine(argc, argv);
  if (command_line.exit) {
    std::fputs(command_line.output.c_str(), command_line.exit_code == 0 ? stdout : stderr);
    return command_line.exit_code;
  }
  SetLogLevel(command_line.config.log_level);
  const absl::Status status = Serve(command_line.config, end_signals);
  if (status.ok()) return 0;
  Log(LogLevel::kError, "failed", {{"message", std::string(status.message())}});
  return 1;
}

}  // namespace
}  // namespace likeness

int main(int argc, char** argv) {
  try {
    return likeness::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
    return 1;
  }
}
