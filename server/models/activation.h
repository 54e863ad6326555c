// Makes another model the active one: embeds the gallery's references anew, or, where its embeddings come of those by
// the active model without a network, makes them of these; in the background. Then changes model and references in one
// step.
#ifndef LIKENESS_SERVER_MODELS_ACTIVATION_H_
#define LIKENESS_SERVER_MODELS_ACTIVATION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/gallery.h"
#include "server/models/embedding_pass.h"
#include "server/models/generation.h"
#include "server/models/model_folder.h"
#include "server/models/model_follower.h"
#include "server/models/model_for_use.h"
#include "server/operations/operation_run.h"

namespace likeness {

// Where an activation is.
struct ActivationProgress {
  ModelDigest model;
  ModelCoverage coverage = {};
  bool running = false;
  absl::Status outcome = {};   // once it does not run any more: OK when the model is active
  int64_t revision = 0;        // of the gallery with the model active; 0 before, and where nothing was to be changed
  int64_t changes = 0;         // how often the progress has changed since the start of the server
  std::string operation = {};  // its name; empty where nothing was to be changed
};

// What an activation goes on in spite of.
struct ActivationConsent {
  bool leave_behind = false;  // references that cannot be embedded anew
  bool unmeasured = false;    // that nobody measured the model at the server's rate
};

// Thread-safe. One activation at a time in the whole gallery, whichever server works on it, on a thread of low
// priority. It survives restarts: the gallery remembers it (server/gallery/model_choice.h), and a server that has the
// model's files goes on with it when nobody does.
class Activations {
 public:
  using Loader = ModelFollower::Loader;
  using OnActive = ModelFollower::OnActive;

  // All must outlive it. `load` chooses thresholds by `rule`.
  Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, const ThresholdRule& rule,
              Loader load, OnActive on_active);
  // Ends the thread; an activation that runs goes on after the next start, or on another server.
  ~Activations();

  // Lets the threads end soon, without waiting for them, and whoever waits for the activation go: AwaitChange()
  // returns.
  void Stop();
  // Whether Stop() has been called: what still says that it runs will not end any more.
  bool stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  // To be called before the server serves, and then Follow() again and again: ModelFollower.
  absl::Status Enter() { return follower_.Enter(); }
  absl::Status Follow() { return follower_.Follow(); }
  void set_on_ready(ModelFollower::OnReady on_ready) { follower_.set_on_ready(std::move(on_ready)); }

  // Goes on with what nobody works on any more, if there is something and this server has the model's files; the only
  // server of a gallery ends it where it cannot.
  absl::Status Resume();

  // Lets a model be activated that was not trained with this gallery; Begin() refuses it otherwise. Returns the
  // gallery's revision after it. MODEL_NOT_FOUND, MODEL_CORRUPT.
  absl::StatusOr<int64_t> Allow(const ModelDigest& model);

  // Whether Begin() may run its code: MODEL_NOT_ALLOWED, and the store's errors.
  absl::Status CheckAllowed(const ModelDigest& model) const { return likeness::CheckAllowed(folder_, gallery_, model); }

  // A model that may be run, for somebody who does: see model_for_use.h.
  absl::StatusOr<VerifiedModel> ReadForUse(const ModelDigest& model) const {
    return ReadModelForUse(folder_, gallery_, model);
  }

  // What embeddings by a model would be made from if its activation began now. Loads the network where it may be run
  // and crops may not be all.
  EmbeddingSources SourcesOf(const ModelEntry& entry);

  // Begins to activate a model, and returns the operation's name once it is certain that it can: MODEL_NOT_FOUND,
  // MODEL_CORRUPT, MODEL_NOT_ALLOWED, the errors of the loader, ACTIVATION_RUNNING when another model is being
  // activated anywhere, and without consent THRESHOLD_NOT_MEASURED when no measured point would decide, and
  // REFERENCES_WITHOUT_CROP when references would have to stay behind. That of the operation that runs for a model
  // already on its way, here or on another server; empty for the gallery's active model. Crops are looked at only while
  // they are embedded: without consent the activation itself ends with REFERENCES_WITHOUT_CROP when some are damaged.
  absl::StatusOr<std::string> Begin(const ModelDigest& model, const ActivationConsent& consent);

  // By what the server chooses thresholds: ThresholdOf(manifest, rule) would decide with a model once it is active.
  const ThresholdRule& threshold_rule() const { return rule_; }

  // The last activation that this server has worked on, or nothing.
  std::optional<ActivationProgress> Progress() const;

  // Waits until the progress has changed more often than `changes` times, or `limit` has passed, and returns it.
  std::optional<ActivationProgress> AwaitChange(int64_t changes, absl::Duration limit) const;

  // Where an activation is that any server works on, as its operation says. OPERATION_NOT_FOUND.
  absl::StatusOr<ActivationProgress> ProgressOf(const std::string& operation) const;

  // Asks whichever server works on it to end it. OPERATION_NOT_FOUND.
  absl::Status Cancel(const std::string& operation) const {
    return gallery_.coordination().CancelOperation(operation).status();
  }

  // Deletes a model with its embeddings. MODEL_NOT_FOUND, MODEL_IN_USE, and the store's errors.
  absl::StatusOr<EmbeddingDeletion> Delete(ModelFolder& folder, const ModelDigest& model);

 private:
  absl::Status CheckMeasured(const std::optional<Threshold>& threshold) const;
  absl::Status CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const;
  void Start(const OperationRecord& operation, Transition transition, const ModelCoverage& coverage, bool leave_behind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(begin_mutex_);
  void Run(const Transition& transition, const OperationRecord& operation, bool leave_behind);
  absl::Status EmbedAndSwitch(const Transition& transition, OperationRun& run, bool leave_behind);
  absl::Status Switch(const Transition& transition, OperationRun& run, EmbeddingPass& pass, bool leave_behind);
  void Report(ActivationProgress progress);
  void NoteCoverage(const ModelCoverage& coverage, OperationRun& run);
  // Whether to go on once `limit` has passed.
  absl::Status Pause(OperationRun& run, absl::Duration limit) const;

  const ModelFolder& folder_;
  Gallery& gallery_;
  ActiveGeneration& active_;
  const ThresholdRule rule_;
  const Loader load_;
  const OperationOwner self_ = ThisServer();
  absl::Mutex begin_mutex_;  // held by Begin() and Resume(), which look before they act
  mutable absl::Mutex mutex_;
  std::optional<ActivationProgress> progress_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(begin_mutex_);
  ModelFollower follower_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_ACTIVATION_H_
