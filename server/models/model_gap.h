// Whom the model that answers cannot verify, because nothing of theirs was embedded by it: after an upgrade that
// changed the bundle of --model, or an activation that left people behind.
#ifndef LIKENESS_SERVER_MODELS_MODEL_GAP_H_
#define LIKENESS_SERVER_MODELS_MODEL_GAP_H_

#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/gallery.h"
#include "server/models/generation.h"
#include "server/telemetry/metrics.h"

namespace likeness {

// One sentence for an operator: how many people there are in the gap, and what to do.
std::string Describe(const ModelGap& gap, const ModelDigest& model);

// Counts them at the start, whenever another model answers, and from time to time while the count may change without
// that; on a thread of low priority, for the count reads the whole gallery. Shows the count in the metrics, and in the
// log when another model answers.
class ModelGapWatch {
 public:
  struct Pace {
    absl::Duration looks = absl::Seconds(1);   // whether another model answers
    absl::Duration counts = absl::Minutes(5);  // while the same one does
  };

  // All must outlive it.
  ModelGapWatch(Gallery& gallery, const ActiveGeneration& active, Metrics& metrics)
      : ModelGapWatch(gallery, active, metrics, Pace()) {}
  ModelGapWatch(Gallery& gallery, const ActiveGeneration& active, Metrics& metrics, Pace pace);
  // Ends the thread.
  ~ModelGapWatch();

 private:
  void Run();
  void Look();
  // Whether the last count may be wrong by now, if the same model answers.
  bool MayHaveChanged() const;

  Gallery& gallery_;
  const ActiveGeneration& active_;
  Metrics& metrics_;
  const Pace pace_;
  // Of the thread.
  std::optional<ModelDigest> counted_for_;
  ModelGap gap_;
  absl::Time next_count_ = absl::InfinitePast();
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_MODEL_GAP_H_
