#include "server/server.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/access/access.h"
#include "server/access/mismatch_budget.h"
#include "server/audit/audit_trail.h"
#include "server/encoding/face_encoder.h"
#include "server/first_model.h"
#include "server/gallery/change_follower.h"
#include "server/gallery/index_filler.h"
#include "server/gallery_opener.h"
#include "server/hashing/random_id.h"
#include "server/image/face_finder.h"
#include "server/inference/device.h"
#include "server/model_loader.h"
#include "server/models/activation.h"
#include "server/models/model_gap.h"
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
#include "server/trainings/training_jobs.h"
#include "server/trainings/training_run.h"

namespace likeness {
namespace {

// What the health service calls the gallery.
constexpr char kGalleryPart[] = "gallery";

// Puts what was opened in its place, or says why it could not be opened.
template <typename T>
absl::Status Keep(absl::StatusOr<T> opened, T& place) {
  if (!opened.ok()) return opened.status();
  place = *std::move(opened);
  return absl::OkStatus();
}

// A rate that the configured model was measured for, but not so low, is a mistake to show before anybody relies on it.
absl::Status CheckTarget(const ModelEntry& base, const ThresholdRule& rule) {
  if (base.manifest.operating_points.empty() || rule.unmeasured == UnmeasuredPolicy::kHalfMargin)
    return absl::OkStatus();
  const absl::StatusOr<Threshold> threshold = MeasuredThreshold(base.manifest.operating_points, rule.target_fmr);
  if (threshold.ok()) return absl::OkStatus();
  return absl::Status(threshold.status().code(), absl::StrCat("--target-fmr: ", threshold.status().message()));
}

// Goes on evenly, whatever happens to the time of day; when it began says nothing.
absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// How crowded the place of an embedding is, by the model that answers.
std::optional<double> CrowdingBy(const ActiveGeneration& active, const Embedding& embedding) {
  const std::shared_ptr<const Generation> generation = active.Get();
  const auto& cohort = generation->embedder->manifest().cohort;
  if (cohort == nullptr || embedding.model != generation->embedder->digest()) return std::nullopt;
  return cohort->Crowding(embedding.values);
}

}  // namespace

// In the order in which they are built; they end in the opposite one, whether a start got to the last of them or not.
struct Server::Parts {
  explicit Parts(const ServerConfig& configured) : config(configured) {}
  ~Parts() {
    // A training may wait for the activation that it has asked for, and so would its end.
    if (activations.has_value()) activations->Stop();
    if (trainings != nullptr) trainings->Stop();
  }

  absl::Status OpenMetrics();
  absl::Status OpenState();
  absl::Status LoadModels();
  absl::Status MakeCalls();
  absl::Status Serve();

  const ServerConfig config;
  Metrics metrics;
  std::unique_ptr<MetricsServer> metrics_server;  // null: no metrics are served
  std::unique_ptr<Access> access;
  std::unique_ptr<AuditTrail> audit;
  Device device;
  std::optional<FaceFinder> finder;
  std::unique_ptr<ModelFolder> folder;
  std::unique_ptr<Gallery> gallery;
  std::optional<VerifiedBundle> base_bundle;  // of --model, until it is loaded
  std::optional<ModelLoader> loader;
  std::optional<ActiveGeneration> active;
  std::optional<Activations> activations;
  std::optional<FaceEncoder> encoder;
  std::optional<MismatchBudget> budget;
  std::optional<FaceVerification> methods;
  std::optional<WorkPool> pool;
  std::optional<CallAdmission> admission;
  OpenCalls open_calls;
  std::optional<CallDispatcher> dispatcher;
  std::optional<AdminCalls> admin_calls;
  std::optional<NetworkTraining> training_work;
  std::unique_ptr<TrainingJobs> trainings;
  std::optional<FaceVerificationService> verification_service;
  std::optional<TrainingService> training_service;
  std::optional<ModelService> model_service;
  std::optional<KeyRotations> rotations;
  std::optional<GalleryService> gallery_service;
  std::optional<OperationService> operation_service;
  std::unique_ptr<GrpcServer> grpc;
  std::optional<ModelGapWatch> gap_watch;
  std::optional<ChangeFollower> follower;
  std::optional<IndexFiller> index_filler;  // nothing where nobody looks for duplicates
};

absl::Status Server::Parts::OpenMetrics() {
  if (config.metrics_address == kMetricsOff) return absl::OkStatus();
  std::vector<std::shared_ptr<prometheus::Collectable>> sources = {metrics.registry(),
                                                                   std::make_shared<ProcessMetrics>()};
  if (!config.grpc.tls.certificate.empty()) {
    sources.push_back(std::make_shared<CertificateMetrics>(config.grpc.tls));
  }
  return Keep(MetricsServer::Start(config.metrics_address, std::move(sources)), metrics_server);
}

absl::Status Server::Parts::OpenState() {
  absl::Status status = Keep(config.token_file.empty() ? Access::Open(config.open_scores)
                                                       : Access::ByTokens(config.token_file, absl::Now, config.scores),
                             access);
  if (status.ok()) status = Keep(AuditTrail::Open(config.audit), audit);
  if (status.ok()) status = Keep(ParseDevice(config.device), device);
  if (!status.ok()) return status;
  absl::StatusOr<FaceFinder> loaded = FaceFinder::Load(config.face_finder, device);
  if (!loaded.ok()) return loaded.status();
  finder.emplace(*std::move(loaded));
  absl::StatusOr<VerifiedBundle> bundle = VerifiedBundle::Read(config.model);
  if (!bundle.ok()) return bundle.status();
  absl::StatusOr<ModelEntry> base = ModelLoader::EntryOf(*bundle);
  if (!base.ok()) return base.status();
  base_bundle = *std::move(bundle);
  if (status = CheckTarget(*base, config.threshold); !status.ok()) return status;
  status = Keep(ModelFolder::Open(config.models_folder, *std::move(base)), folder);
  if (status.ok()) status = Keep(OpenGallery(config, metrics), gallery);
  return status;
}

absl::Status Server::Parts::LoadModels() {
  loader.emplace(config, device, metrics);
  absl::StatusOr<Generation> first = LoadFirstModel(*folder, *gallery, *loader, *base_bundle);
  base_bundle.reset();
  if (!first.ok()) return first.status();
  if (config.require_active_model) {
    if (absl::Status status = RequireEverybodyEmbedded(*gallery, *first); !status.ok()) return status;
  }
  active.emplace(*std::move(first));
  gallery->KeepCrowding([this](const Embedding& embedding) { return CrowdingBy(*active, embedding); });
  activations.emplace(
      *folder, *gallery, *active, config.threshold,
      [this](const VerifiedModel& model) { return loader->Load(model.bundle); },
      [this](const Generation& generation) { loader->Announce(generation); });
  return absl::OkStatus();
}

absl::Status Server::Parts::MakeCalls() {
  encoder.emplace(*finder, config.photo, metrics);
  budget.emplace(config.mismatches, &gallery->mismatches(), SteadyNow);
  methods.emplace(*encoder, *active, *gallery, *budget, metrics,
                  FaceVerification::Options{{config.retain_crops, RandomId, absl::Now, config.quality_gate,
                                             config.duplicates, config.reveal_duplicates},
                                            config.reference_policy,
                                            config.probe_gate,
                                            config.threshold.target_fmr});
  metrics.SetQueueCapacity(config.queue_limit);
  pool.emplace(WorkPool::Options{config.workers, config.queue_limit,
                                 [this](int64_t depth) { metrics.SetQueueDepth(depth); }, config.enroll_workers});
  admission.emplace(*access, config.caller_limits, absl::Now);
  dispatcher.emplace(*pool, *admission, open_calls, metrics);
  admin_calls.emplace(*admission, open_calls, *audit, metrics);
  training_work.emplace(
      TrainingSurroundings{*folder, *activations, *active, config.threshold.target_fmr, device, config.train_threads,
                           std::filesystem::path(config.model).parent_path().string()},
      *encoder);
  if (absl::Status status = Keep(
          TrainingJobs::Open(config.trainings_folder, config.training, *training_work, *active, metrics), trainings);
      !status.ok())
    return status;
  verification_service.emplace(*methods, *dispatcher, *audit);
  training_service.emplace(*trainings, *admin_calls);
  model_service.emplace(*folder, *gallery, *active, *activations, *admin_calls);
  rotations.emplace(*gallery);
  gallery_service.emplace(*gallery, *rotations, *admin_calls);
  operation_service.emplace(*gallery, *admin_calls);
  return absl::OkStatus();
}

absl::Status Server::Parts::Serve() {
  absl::Status status =
      Keep(GrpcServer::Start(
               config.grpc,
               {&*verification_service, &*gallery_service, &*model_service, &*operation_service, &*training_service},
               {v1::FaceVerificationService::service_full_name(), v1::GalleryService::service_full_name(),
                v1::ModelService::service_full_name(), v1::OperationService::service_full_name(),
                v1::TrainingService::service_full_name()}),
           grpc);
  if (!status.ok()) return status;
  loader->Announce(*active->Get());
  if (status = activations->Enter(); !status.ok()) return status;
  if (status = activations->Resume(); !status.ok()) return status;
  if (status = rotations->Resume(); !status.ok()) return status;
  grpc->SetServing(true);
  activations->set_on_ready([this](const absl::Status& ready) {
    if (!ready.ok()) Log(LogLevel::kError, "not_ready", {{"message", std::string(ready.message())}});
    grpc->SetServing(ready.ok());
  });
  grpc->SetPartServing(kGalleryPart, true);
  gap_watch.emplace(*gallery, *active, metrics);
  follower.emplace(*gallery, ChangeFollower::Callbacks{[this] {
                                                         rotations->Resume().IgnoreError();
                                                         return activations->Follow();
                                                       },
                                                       [this](bool reachable) {
                                                         if (!gallery->intact())
                                                           grpc->SetNotServing();  // until the next start
                                                         grpc->SetPartServing(kGalleryPart, reachable);
                                                       }});
  if (config.duplicates != DuplicatePolicy::kOff) {
    index_filler.emplace(*gallery, [this] { return active->Get()->embedder->digest(); });
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerConfig& config) {
  auto parts = std::make_unique<Parts>(config);
  absl::Status status = parts->OpenMetrics();
  if (status.ok()) status = parts->OpenState();
  if (status.ok()) status = parts->LoadModels();
  if (status.ok()) status = parts->MakeCalls();
  if (status.ok()) status = parts->Serve();
  if (!status.ok()) return status;

  std::unique_ptr<Server> server(new Server(std::move(parts)));
  const nlohmann::ordered_json ports{{"grpc_port", server->grpc_port()}, {"metrics_port", server->metrics_port()}};
  nlohmann::ordered_json line{{"workers", config.workers}};
  line.update(ports);
  Log(LogLevel::kInfo, "serving", line);
  if (config.master_key.file.empty() && config.master_key.text.empty()) Log(LogLevel::kWarning, "plaintext_gallery");
  if (config.insecure) Log(LogLevel::kWarning, "insecure", {{"address", config.grpc.address}});
  if (!config.ready_file.empty()) std::ofstream(config.ready_file) << ports << '\n';
  return server;
}

Server::Server(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)),
      grpc_port_(parts_->grpc->port()),
      metrics_port_(parts_->metrics_server == nullptr ? 0 : parts_->metrics_server->port()) {}

Server::~Server() { Stop(); }

int Server::grpc_port() const { return grpc_port_; }

int Server::metrics_port() const { return metrics_port_; }

void Server::Stop() {
  if (parts_ == nullptr) return;
  parts_->grpc->SetNotServing();
  absl::SleepFor(parts_->config.drain_delay);  // balancers notice, and send their calls elsewhere
  // Both end while calls are still answered.
  parts_->activations->Stop();
  parts_->trainings->Stop();
  parts_->open_calls.Drain(parts_->config.grace_period);
  parts_->grpc->ShutDown();
  parts_.reset();
  Log(LogLevel::kInfo, "stopped");
}

}  // namespace likeness
