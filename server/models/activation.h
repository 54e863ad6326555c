// Makes another model the active one: embeds the gallery's references anew, or, where its embeddings come of those by
// the active model without a network, makes them of these; in the background. Then changes model and references in one
// step.
#ifndef LIKENESS_SERVER_MODELS_ACTIVATION_H_
#define LIKENESS_SERVER_MODELS_ACTIVATION_H_

#include <functional>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/gallery.h"
#include "server/models/damaged_crops.h"
#include "server/models/embedding_map.h"
#include "server/models/generation.h"
#include "server/models/model_folder.h"
#include "server/models/model_for_use.h"

namespace likeness {

// Where an activation is.
struct ActivationProgress {
  ModelDigest model;
  ModelCoverage coverage = {};
  bool running = false;
  absl::Status outcome = {};  // once it does not run any more: OK when the model is active
  int64_t revision = 0;       // of the gallery with the model active; 0 before, and where nothing was to be changed
  int64_t changes = 0;        // how often the progress has changed since the start of the server
};

// What an activation goes on in spite of.
struct ActivationConsent {
  bool leave_behind = false;  // references that cannot be embedded anew
  bool unmeasured = false;    // that nobody measured the model at the server's rate
};

// Thread-safe. One activation at a time, on a thread of low priority. It survives a restart: the gallery remembers the
// target until it is active or has failed.
class Activations {
 public:
  // Loads the network of the bundle's bytes and chooses its threshold.
  using Loader = std::function<absl::StatusOr<Generation>(const VerifiedModel&)>;
  // Told each model that becomes active.
  using OnActive = std::function<void(const Generation&)>;

  // All must outlive it. `load` chooses thresholds by `rule`.
  Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, const ThresholdRule& rule,
              Loader load, OnActive on_active);
  // Ends the thread; an activation that runs goes on after the next start.
  ~Activations();

  // Lets the thread end soon, without waiting for it, and whoever waits for the activation go: AwaitChange() returns.
  void Stop();
  // Whether Stop() has been called: what still says that it runs will not end any more.
  bool stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  // Goes on with what a restart interrupted, if there is something. To be called once, before Begin().
  absl::Status Resume();

  // Where another server of a shared gallery has made another model the active one: begins to do so here. To be called
  // again when it does not return OK: MODEL_NOT_FOUND while this server has not been given the model;
  // ACTIVATION_RUNNING; the store's errors.
  absl::Status Follow();

  // Lets a model be activated that was not trained with this gallery; Begin() refuses it otherwise. Returns the
  // gallery's revision after it. MODEL_NOT_FOUND, MODEL_CORRUPT.
  absl::StatusOr<int64_t> Allow(const ModelDigest& model);

  // Whether Begin() may run its code: MODEL_NOT_ALLOWED, and the store's errors.
  absl::Status CheckAllowed(const ModelDigest& model) const;

  // A model that may be run, for somebody who does: see model_for_use.h.
  absl::StatusOr<VerifiedModel> ReadForUse(const ModelDigest& model) const {
    return ReadModelForUse(folder_, gallery_, model);
  }

  // What embeddings by a model would be made from if its activation began now. Loads the network where it may be run
  // and crops may not be all.
  EmbeddingSources SourcesOf(const ModelEntry& entry);

  // Begins to activate a model, and returns once it is certain that it can: MODEL_NOT_FOUND, MODEL_CORRUPT,
  // MODEL_NOT_ALLOWED, the errors of the loader, ACTIVATION_RUNNING when another model is being activated, and without
  // consent THRESHOLD_NOT_MEASURED when no measured point would decide, and REFERENCES_WITHOUT_CROP when references
  // would have to stay behind. OK for the model that is active, or already on its way. Crops are looked at only while
  // they are embedded: without consent the activation itself ends with REFERENCES_WITHOUT_CROP when some are damaged.
  absl::Status Begin(const ModelDigest& model, const ActivationConsent& consent);

  // By what the server chooses thresholds: ThresholdOf(manifest, rule) would decide with a model once it is active.
  const ThresholdRule& threshold_rule() const { return rule_; }

  // The last activation begun, or nothing.
  std::optional<ActivationProgress> Progress() const;

  // Waits until the progress has changed more often than `changes` times, `limit` has passed, or Stop() was called, and
  // returns it.
  std::optional<ActivationProgress> AwaitChange(int64_t changes, absl::Duration limit) const;

  // Deletes a model with its embeddings. MODEL_NOT_FOUND, MODEL_IN_USE, and the store's errors.
  absl::StatusOr<EmbeddingDeletion> Delete(ModelFolder& folder, const ModelDigest& model);

 private:
  absl::Status CheckMeasured(const std::optional<Threshold>& threshold) const;
  // A model on its way, and where its embeddings come from.
  struct Transition {
    Generation next;
    std::optional<EmbeddingMap> map;  // of embeddings by the active model
    EmbeddingSources sources;
  };

  Transition TransitionTo(Generation next) const;
  void Run(const Transition& transition, ModelChoice choice);
  void RunFollow(const VerifiedModel& model);
  // Embeds references until none is left, or `most` and a few are done; returns how many it were. `damaged` hears of
  // those that stay behind for their crops.
  absl::StatusOr<int64_t> EmbedUpTo(const Transition& transition, int64_t most, DamagedCrops& damaged);
  // Those that have an embedding to be mapped, and those that have a crop.
  absl::Status AddMapped(const Transition& transition, absl::Span<const UnembeddedReference> references);
  // Those whose crop is damaged are noted and passed over; `embedded` is made greater by how many were not.
  absl::Status AddEmbedded(const Transition& transition, absl::Span<const UnembeddedReference> references,
                           DamagedCrops& damaged, int64_t& embedded);
  absl::Status Add(absl::Span<const UnembeddedReference> references, absl::Span<const Embedding> embeddings);
  absl::Status Switch(const Transition& transition, const ModelChoice& choice);
  absl::Status CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const;
  void Report(ActivationProgress progress);

  const ModelFolder& folder_;
  Gallery& gallery_;
  ActiveGeneration& active_;
  const ThresholdRule rule_;
  const Loader load_;
  const OnActive on_active_;
  absl::Mutex begin_mutex_;  // held by Begin() and Delete(): they look before they act
  mutable absl::Mutex mutex_;
  std::optional<ActivationProgress> progress_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(begin_mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_ACTIVATION_H_
