// Keeps a server's models up with the gallery's choice: reports by which model it answers, has those loaded that others
// answer by or will, and answers by the active one.
#ifndef LIKENESS_SERVER_MODELS_MODEL_FOLLOWER_H_
#define LIKENESS_SERVER_MODELS_MODEL_FOLLOWER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gallery/gallery.h"
#include "server/models/generation.h"
#include "server/models/model_folder.h"

namespace likeness {

// Thread-safe.
class ModelFollower {
 public:
  // Loads the network of the bundle's bytes and chooses its threshold.
  using Loader = std::function<absl::StatusOr<Generation>(const VerifiedModel&)>;
  // Told each model that becomes active.
  using OnActive = std::function<void(const Generation&)>;
  // Told whether the server answers by the gallery's active model: OK, or why it cannot.
  using OnReady = std::function<void(const absl::Status&)>;

  // All must outlive it.
  ModelFollower(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, OperationOwner self, Loader load,
                OnActive on_active);
  // Tells the others that the server is gone.
  ~ModelFollower();

  // Before the server serves: answers by the active model when this returns OK. MODEL_NOT_FOUND and the like where it
  // cannot.
  absl::Status Enter();

  // One round, to be called every few seconds and when models may have changed; returns soon, for what takes time is
  // done on a thread. OK when there is nothing to do; ACTIVATION_RUNNING while there is; what keeps the server from
  // answering by the active model.
  absl::Status Follow();

  // Told at each round that finds another answer than the one before.
  void set_on_ready(OnReady on_ready);
  // Called, on the thread, when nobody works on the activation that the gallery remembers.
  void set_resume(std::function<void()> resume) { resume_ = std::move(resume); }

  // A model that an activation here is about to make the active one: people are enrolled by it, too, from now on.
  void Prepare(const Generation& next);
  // It is not, after all.
  void Abandon();
  // It was made the active one. Answers by it; people are enrolled by the one before as long as a server, or a call,
  // answers by that.
  void Answer(const Generation& next);

  // As of the last round.
  GalleryServers servers() const;
  void Stop();

 private:
  // A model beside the one that answers, or why there is none.
  struct Held {
    ModelDigest model;
    absl::StatusOr<Generation> generation;
    absl::Time tried;
    std::shared_ptr<const Companion> companion = nullptr;  // made for the one that answers now
  };

  ModelDigest DueModel() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<ModelDigest> WantedModels() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<ModelDigest> MissingModels() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Held* Find(const ModelDigest& model) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Put(const ModelDigest& model, absl::StatusOr<Generation> generation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets what nobody needs, and gives Enroll the others.
  void Arrange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ServerRecord Self(bool answers);
  absl::Status Report(bool answers = true);
  // As Answer(), but with `if_due` only where it is still the model to answer by.
  void AnswerBy(const Generation& next, bool if_due);
  absl::StatusOr<Generation> Load(const ModelDigest& model) const;
  void Work();

  const ModelFolder& folder_;
  Gallery& gallery_;
  ActiveGeneration& active_;
  const OperationOwner self_;
  const Loader load_;
  const OnActive on_active_;
  std::function<void()> resume_;
  absl::Mutex report_mutex_;  // held from what is reported to what comes of it, so that this happens in order
  mutable absl::Mutex mutex_;
  OnReady on_ready_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> told_ ABSL_GUARDED_BY(mutex_);
  GalleryServers servers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
  std::optional<ModelDigest> pinned_ ABSL_GUARDED_BY(mutex_);  // by Prepare()
  int64_t switches_ ABSL_GUARDED_BY(mutex_) = 0;               // how often another model came to answer
  bool entered_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread worker_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_MODEL_FOLLOWER_H_
