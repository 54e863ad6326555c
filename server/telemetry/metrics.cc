#include "server/telemetry/metrics.h"

#include "absl/strings/str_split.h"

namespace likeness {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

const prometheus::Histogram::BucketBoundaries kCallBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                              0.1,   0.25,   0.5,   1,    2.5,   5};
const prometheus::Histogram::BucketBoundaries kStageBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                               0.01,   0.025,   0.05,   0.1,   0.25,   0.5};
const prometheus::Histogram::BucketBoundaries kDistanceBuckets = {0.1, 0.2,  0.3, 0.4,  0.5, 0.6, 0.7, 0.8, 0.9,  0.95,
                                                                  1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0};
const prometheus::Histogram::BucketBoundaries kBatchSizeBuckets = {1, 2, 4, 8, 16, 32, 64, 128, 256};
// Those of v1::QualityIssue. Each starts at 0, so that the first refusal is an increase.
constexpr const char* kQualityIssues[] = {"TOO_SMALL", "BLURRED", "TOO_DARK", "TOO_BRIGHT", "LOW_CONTRAST",
                                          "YAW",       "PITCH",   "ROLL",     "CUT_OFF",    "COVERED"};
constexpr const char* kGatedMethods[] = {"Verify", "Compare", "Embed", "Enroll"};
constexpr const char* kStageNames[kStageCount] = {"decode", "detect", "align", "embed", "compare", "store", "search"};

template <typename Family>
auto& Registered(Family builder, const char* name, const char* help, prometheus::Registry& registry) {
  return builder.Name(name).Help(help).Register(registry);
}

}  // namespace

Metrics::Metrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      calls_(Registered(BuildCounter(), "likeness_rpc_total", "Finished calls by method and gRPC code.", *registry_)),
      call_seconds_(Registered(BuildHistogram(), "likeness_rpc_duration_seconds",
                               "Time from the arrival of a call's request to its answer.", *registry_)),
      verdicts_(Registered(BuildCounter(), "likeness_verdicts_total",
                           "Measured comparisons by method and verdict (same, different).", *registry_)),
      distances_(Registered(BuildHistogram(), "likeness_distance",
                            "Measured Euclidean distances by verdict (same, different).", *registry_)),
      quality_refusals_(Registered(BuildCounter(), "likeness_quality_refusals_total",
                                   "Faces that a quality gate refused, by method and issue: once for each issue.",
                                   *registry_)),
      gallery_synced_(Registered(BuildGauge(), "likeness_gallery_synced_timestamp_seconds",
                                 "When this server last knew all that others had changed in a shared gallery.",
                                 *registry_)),
      trainings_(Registered(BuildCounter(), "likeness_trainings_total",
                            "Trainings that have ended, by outcome (succeeded, failed, cancelled).", *registry_)),
      model_info_(Registered(BuildGauge(), "likeness_model_info",
                             "Always 1; the labels say which model answers, and where it runs.", *registry_)) {
  auto& stages = Registered(BuildHistogram(), "likeness_stage_duration_seconds",
                            "Time of each stage of a photo's way through the server.", *registry_);
  for (int stage = 0; stage < kStageCount; ++stage) {
    stage_seconds_[stage] = &stages.Add({{"stage", kStageNames[stage]}}, kStageBuckets);
  }
  for (const char* method : kGatedMethods) {
    for (const char* issue : kQualityIssues) quality_refusals_.Add({{"method", method}, {"issue", issue}});
  }
  auto& lookups = Registered(BuildCounter(), "likeness_cache_lookups_total",
                             "Looks for a person's references in memory, by result (hit, miss).", *registry_);
  cache_hits_ = &lookups.Add({{"result", "hit"}});
  cache_misses_ = &lookups.Add({{"result", "miss"}});
  cached_references_ =
      &Registered(BuildGauge(), "likeness_cached_references", "References held in memory.", *registry_).Add({});
  persons_without_embedding_ =
      &Registered(BuildGauge(), "likeness_persons_without_embedding",
                  "Enrolled persons with no reference embedded by the model that answers: MODEL_MISMATCH.", *registry_)
           .Add({});
  references_without_embedding_ =
      &Registered(BuildGauge(), "likeness_references_without_embedding",
                  "References that have no embedding by the model that answers, so that it compares nothing with them.",
                  *registry_)
           .Add({});
  indexed_references_ = &Registered(BuildGauge(), "likeness_indexed_references",
                                    "References in memory to search for duplicates.", *registry_)
                             .Add({});
  duplicates_ = &Registered(BuildCounter(), "likeness_duplicates_total",
                            "Faces to enrol that were enrolled under another id.", *registry_)
                     .Add({});
  persons_ = &Registered(BuildGauge(), "likeness_gallery_persons", "Enrolled persons.", *registry_).Add({});
  references_ = &Registered(BuildGauge(), "likeness_gallery_references", "Enrolled references.", *registry_).Add({});
  gallery_lost_ =
      &Registered(BuildGauge(), "likeness_gallery_lost",
                  "1 when the gallery's file was removed, replaced or overwritten under the server.", *registry_)
           .Add({});
  pending_erasures_ =
      &Registered(BuildGauge(), "likeness_gallery_pending_erasures",
                  "Deletions with bytes left in the write-ahead log, because somebody reads there.", *registry_)
           .Add({});
  persons_to_encrypt_ =
      &Registered(BuildGauge(), "likeness_gallery_persons_to_encrypt",
                  "Persons whose faces are still in plaintext, in a gallery that is being encrypted.", *registry_)
           .Add({});
  queue_depth_ = &Registered(BuildGauge(), "likeness_queue_depth", "Calls that wait for a worker.", *registry_).Add({});
  queue_capacity_ =
      &Registered(BuildGauge(), "likeness_queue_capacity", "Calls that may wait for a worker.", *registry_).Add({});
  batch_queue_depth_ =
      &Registered(BuildGauge(), "likeness_batch_queue_depth", "Crops that wait for a batch.", *registry_).Add({});
  batch_wait_seconds_ = &Registered(BuildHistogram(), "likeness_batch_wait_seconds",
                                    "Time that each crop waited for its batch to run.", *registry_)
                             .Add({}, kStageBuckets);
  batch_size_ = &Registered(BuildHistogram(), "likeness_batch_size",
                            "Crops in each run of the network, padding not counted.", *registry_)
                     .Add({}, kBatchSizeBuckets);
  batch_network_seconds_ = &Registered(BuildHistogram(), "likeness_batch_network_seconds",
                                       "Time of each run of the network on a batch.", *registry_)
                                .Add({}, kStageBuckets);
  trainings_running_ =
      &Registered(BuildGauge(), "likeness_trainings_running", "Trainings that run.", *registry_).Add({});
  trainings_waiting_ =
      &Registered(BuildGauge(), "likeness_trainings_waiting", "Trainings that wait for the one that runs.", *registry_)
           .Add({});
  training_epochs_ =
      &Registered(BuildCounter(), "likeness_training_epochs_total", "Epochs that trainings have done.", *registry_)
           .Add({});
  for (const char* outcome : {"succeeded", "failed", "cancelled"}) trainings_.Add({{"outcome", outcome}});
  threshold_ =
      &Registered(BuildGauge(), "likeness_threshold_distance",
                  "The distance up to which two faces count as the same person's; 0 where none does.", *registry_)
           .Add({});
  auto& threshold_sources =
      Registered(BuildGauge(), "likeness_threshold_source",
                 "1 for what decides, otherwise 0: a measured operating point, half the margin, or nothing because the "
                 "model was not measured.",
                 *registry_);
  threshold_sources_ = {&threshold_sources.Add({{"source", "measured"}}),
                        &threshold_sources.Add({{"source", "half_margin"}}),
                        &threshold_sources.Add({{"source", "not_measured"}})};
  threshold_plain_ = &Registered(BuildGauge(), "likeness_threshold_plain",
                                 "1 when the threshold is the same for every pair because the model carries no cohort, "
                                 "otherwise 0.",
                                 *registry_)
                          .Add({});
}

void Metrics::CountCall(absl::string_view method, absl::string_view code, double seconds) {
  const std::string name(method);
  calls_.Add({{"method", name}, {"code", std::string(code)}}).Increment();
  call_seconds_.Add({{"method", name}}, kCallBuckets).Observe(seconds);
}

void Metrics::ObserveStage(Stage stage, double seconds) { stage_seconds_[static_cast<int>(stage)]->Observe(seconds); }

void Metrics::CountVerdict(absl::string_view method, bool verified, double distance) {
  const char* verdict = verified ? "same" : "different";
  verdicts_.Add({{"method", std::string(method)}, {"verdict", verdict}}).Increment();
  distances_.Add({{"verdict", verdict}}, kDistanceBuckets).Observe(distance);
}

void Metrics::CountQualityRefusal(absl::string_view method, absl::string_view issues) {
  for (const absl::string_view issue : absl::StrSplit(issues, ',', absl::SkipEmpty())) {
    quality_refusals_.Add({{"method", std::string(method)}, {"issue", std::string(issue)}}).Increment();
  }
}

void Metrics::CountCacheLookup(bool hit) { (hit ? cache_hits_ : cache_misses_)->Increment(); }

void Metrics::SetCachedReferences(int64_t references) { cached_references_->Set(static_cast<double>(references)); }

void Metrics::SetIndexedReferences(int64_t references) { indexed_references_->Set(static_cast<double>(references)); }

void Metrics::CountDuplicate() { duplicates_->Increment(); }

void Metrics::SetGallerySynced(absl::Time time) {
  gallery_synced_.Add({}).Set(absl::ToDoubleSeconds(time - absl::UnixEpoch()));
}

void Metrics::SetModelGap(int64_t persons, int64_t references) {
  persons_without_embedding_->Set(static_cast<double>(persons));
  references_without_embedding_->Set(static_cast<double>(references));
}

void Metrics::SetGallerySize(int64_t persons, int64_t references) {
  persons_->Set(static_cast<double>(persons));
  references_->Set(static_cast<double>(references));
}

void Metrics::SetGalleryLost(bool lost) { gallery_lost_->Set(lost ? 1 : 0); }

void Metrics::SetPendingErasures(int64_t deletions) { pending_erasures_->Set(static_cast<double>(deletions)); }

void Metrics::SetPersonsToEncrypt(int64_t persons) { persons_to_encrypt_->Set(static_cast<double>(persons)); }

void Metrics::SetQueueDepth(int64_t waiting) { queue_depth_->Set(static_cast<double>(waiting)); }

void Metrics::SetQueueCapacity(int64_t calls) { queue_capacity_->Set(static_cast<double>(calls)); }

void Metrics::SetTrainings(int64_t running, int64_t waiting) {
  trainings_running_->Set(static_cast<double>(running));
  trainings_waiting_->Set(static_cast<double>(waiting));
}

void Metrics::CountTrainingEpochs(int64_t epochs) { training_epochs_->Increment(static_cast<double>(epochs)); }

void Metrics::CountTraining(absl::string_view outcome) {
  trainings_.Add({{"outcome", std::string(outcome)}}).Increment();
}

void Metrics::SetBatchQueueDepth(int64_t crops) { batch_queue_depth_->Set(static_cast<double>(crops)); }

void Metrics::ObserveBatchWait(double seconds) { batch_wait_seconds_->Observe(seconds); }

void Metrics::ObserveBatch(int64_t crops, double network_seconds) {
  batch_size_->Observe(static_cast<double>(crops));
  batch_network_seconds_->Observe(network_seconds);
}

void Metrics::SetModel(absl::string_view name, absl::string_view version, absl::string_view digest,
                       absl::string_view device, double threshold, ThresholdKind kind) {
  absl::MutexLock lock(&model_mutex_);
  if (model_series_ != nullptr) model_info_.Remove(model_series_);
  model_series_ = &model_info_.Add({{"name", std::string(name)},
                                    {"version", std::string(version)},
                                    {"digest", std::string(digest)},
                                    {"device", std::string(device)}});
  model_series_->Set(1);
  threshold_->Set(threshold);
  for (size_t i = 0; i < threshold_sources_.size(); ++i) {
    threshold_sources_[i]->Set(i == static_cast<size_t>(kind.source) ? 1 : 0);
  }
  threshold_plain_->Set(kind.plain ? 1 : 0);
}

}  // namespace likeness
