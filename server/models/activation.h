// Makes another model the active one: embeds the gallery's references anew, in the background, then changes model and
// references in one step.
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
#include "server/models/generation.h"
#include "server/models/model_folder.h"

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

// Thread-safe. One activation at a time, on a thread of low priority. It survives a restart: the gallery remembers the
// target until it is active or has failed.
class Activations {
 public:
  // Loads the network of a bundle and chooses its threshold.
  using Loader = std::function<absl::StatusOr<Generation>(const ModelEntry&)>;
  // Told each model that becomes active.
  using OnActive = std::function<void(const Generation&)>;

  // All must outlive it.
  Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, Loader load, OnActive on_active);
  // Ends the thread; an activation that runs goes on after the next start.
  ~Activations();

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

  // Begins to activate a model, and returns once it is certain that it can: MODEL_NOT_FOUND, MODEL_CORRUPT,
  // MODEL_NOT_ALLOWED, the errors of the loader, ACTIVATION_RUNNING when another model is being activated, and
  // REFERENCES_WITHOUT_CROP when references would have to stay behind, unless `leave_behind`. OK for the model that is
  // active, or already on its way.
  absl::Status Begin(const ModelDigest& model, bool leave_behind);

  // The last activation begun, or nothing.
  std::optional<ActivationProgress> Progress() const;

  // Waits until the progress has changed more often than `changes` times, or `limit` has passed, and returns it.
  std::optional<ActivationProgress> AwaitChange(int64_t changes, absl::Duration limit) const;

  // Deletes a model with its embeddings. MODEL_NOT_FOUND, MODEL_IN_USE, and the store's errors.
  absl::StatusOr<EmbeddingDeletion> Delete(ModelFolder& folder, const ModelDigest& model);

 private:
  void Run(Generation next, ModelChoice choice);
  void RunFollow(const ModelEntry& entry);
  // Embeds references until none is left, or `most` and a few are done; returns how many it were.
  absl::StatusOr<int64_t> EmbedUpTo(const Generation& next, int64_t most);
  absl::Status Switch(Generation next, const ModelChoice& choice);
  absl::Status CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const;
  void Report(ActivationProgress progress);
  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  const ModelFolder& folder_;
  Gallery& gallery_;
  ActiveGeneration& active_;
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
