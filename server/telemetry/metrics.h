// Every metric of the server, in one place: names, help texts, labels, buckets.
//
// Labels have few values, known beforehand; a person id is never one.
#ifndef LIKENESS_SERVER_TELEMETRY_METRICS_H_
#define LIKENESS_SERVER_TELEMETRY_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace likeness {

// The parts of a photo's way through the server.
enum class Stage { kDecode, kDetect, kAlign, kEmbed, kCompare, kStore, kSearch };
inline constexpr int kStageCount = 7;

// Thread-safe. One for each server; tests make their own.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // What a scrape exposes.
  std::shared_ptr<prometheus::Registry> registry() const { return registry_; }

  // A finished call: its method ("Verify"), the name of its gRPC code ("OK") and how long it took.
  void CountCall(absl::string_view method, absl::string_view code, double seconds);
  void ObserveStage(Stage stage, double seconds);
  // A Verify or Compare that measured a distance.
  void CountVerdict(absl::string_view method, bool verified, double distance);
  // A face that a quality gate refused for these issues, separated by commas: each is counted. None: nothing is.
  void CountQualityRefusal(absl::string_view method, absl::string_view issues);
  // A look for a person's references in the cache.
  void CountCacheLookup(bool hit);
  void SetCachedReferences(int64_t references);
  // References in the index that is searched for duplicates.
  void SetIndexedReferences(int64_t references);
  // A face to enrol that is enrolled under another id.
  void CountDuplicate();
  void SetGallerySize(int64_t persons, int64_t references);
  // Who, and which references, have no embedding by the model that answers.
  void SetModelGap(int64_t persons, int64_t references);
  // Whether the gallery's file was taken away from under the server.
  void SetGalleryLost(bool lost);
  // Deletions that were answered and have bytes left in the write-ahead log, because somebody reads there.
  void SetPendingErasures(int64_t deletions);
  // Persons whose faces are still in plaintext, in a gallery that is being encrypted.
  void SetPersonsToEncrypt(int64_t persons);
  // That everything is known which others had changed in a shared gallery by this time.
  void SetGallerySynced(absl::Time time);
  void SetQueueDepth(int64_t waiting);
  // How many calls may wait.
  void SetQueueCapacity(int64_t calls);
  // Batching in front of the network: what waits, how long each crop waited, and each run of the network.
  void SetBatchQueueDepth(int64_t crops);
  void ObserveBatchWait(double seconds);
  void ObserveBatch(int64_t crops, double network_seconds);
  // Trainings that run and that wait for it; an epoch of one that is done; one that has ended: "succeeded", "failed" or
  // "cancelled".
  void SetTrainings(int64_t running, int64_t waiting);
  void CountTrainingEpochs(int64_t epochs);
  void CountTraining(absl::string_view outcome);
  // What decides at present: a measured operating point; half the margin, for want of one; or nothing.
  enum class ThresholdSource { kMeasured, kHalfMargin, kNotMeasured };
  struct ThresholdKind {
    ThresholdSource source = ThresholdSource::kNotMeasured;
    bool plain = false;  // the same for every pair, for want of a cohort
  };
  // `threshold`: 0 where nothing decides.
  void SetModel(absl::string_view name, absl::string_view version, absl::string_view digest, absl::string_view device,
                double threshold, ThresholdKind kind);

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& call_seconds_;
  std::array<prometheus::Histogram*, kStageCount> stage_seconds_;
  prometheus::Family<prometheus::Counter>& verdicts_;
  prometheus::Family<prometheus::Histogram>& distances_;
  prometheus::Family<prometheus::Counter>& quality_refusals_;
  prometheus::Counter* cache_hits_;
  prometheus::Counter* cache_misses_;
  prometheus::Gauge* cached_references_;
  prometheus::Gauge* indexed_references_;
  prometheus::Family<prometheus::Gauge>& gallery_synced_;  // without a series where the gallery is not shared
  prometheus::Counter* duplicates_;
  prometheus::Gauge* persons_;
  prometheus::Gauge* references_;
  prometheus::Gauge* persons_without_embedding_;
  prometheus::Gauge* references_without_embedding_;
  prometheus::Gauge* gallery_lost_;
  prometheus::Gauge* pending_erasures_;
  prometheus::Gauge* persons_to_encrypt_;
  prometheus::Gauge* queue_depth_;
  prometheus::Gauge* queue_capacity_;
  prometheus::Gauge* batch_queue_depth_;
  prometheus::Histogram* batch_wait_seconds_;
  prometheus::Histogram* batch_size_;
  prometheus::Histogram* batch_network_seconds_;
  prometheus::Gauge* trainings_running_;
  prometheus::Gauge* trainings_waiting_;
  prometheus::Counter* training_epochs_;
  prometheus::Family<prometheus::Counter>& trainings_;
  prometheus::Family<prometheus::Gauge>& model_info_;
  absl::Mutex model_mutex_;
  prometheus::Gauge* model_series_ ABSL_GUARDED_BY(model_mutex_) = nullptr;
  prometheus::Gauge* threshold_;
  std::array<prometheus::Gauge*, 3> threshold_sources_;  // by ThresholdSource
  prometheus::Gauge* threshold_plain_;
};

// Times a stage from its construction to its end.
class StageTimer {
 public:
  StageTimer(Metrics& metrics, Stage stage) : metrics_(metrics), stage_(stage) {}
  ~StageTimer() {
    metrics_.ObserveStage(stage_, std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Metrics& metrics_;
  Stage stage_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TELEMETRY_METRICS_H_
