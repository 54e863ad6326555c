// The model that answers, and its replacement by another one between two calls.
#ifndef LIKENESS_SERVER_MODELS_GENERATION_H_
#define LIKENESS_SERVER_MODELS_GENERATION_H_

#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/embedding/embedder.h"
#include "server/models/embedding_map.h"
#include "server/verification/decision.h"

namespace likeness {

// How crowded the places of a probe and of what it is compared with are, by a model; nothing where it has no cohort.
inline std::optional<PairCrowding> CrowdingOfPair(const BundleManifest& manifest, std::optional<double> probe,
                                                  std::optional<double> reference) {
  if (manifest.cohort == nullptr) return std::nullopt;
  // What nobody measured is no number, with which nobody is verified.
  constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();
  return PairCrowding{probe.value_or(kNotMeasured), reference.value_or(kNotMeasured), manifest.cohort->cap()};
}

// A network and the threshold that its distances are held against. A call takes one at its start and keeps to it.
struct Generation {
  std::shared_ptr<const Embedder> embedder;
  std::optional<Threshold> threshold;  // for requests without their own; nothing where nobody is to be verified
};

// The threshold that a server by `rule` would decide by with such a model; nothing where it would verify nobody.
inline std::optional<Threshold> ThresholdOf(const BundleManifest& manifest, const ThresholdRule& rule) {
  return ChooseThreshold(manifest.operating_points, manifest.margin, rule);
}

// A model beside the one that answers, by which people are enrolled, too, because others answer by it or will.
struct Companion {
  Generation generation;
  std::optional<EmbeddingMap> map = {};  // of embeddings by the model that answers; else its network is run
  ModelDigest made_for = {};             // the model that answers
};

struct Companions {
  std::vector<std::shared_ptr<const Companion>> models;
  std::vector<ModelDigest> lacking;  // that should be among them, and cannot be loaded
};

// Thread-safe.
class ActiveGeneration {
 public:
  explicit ActiveGeneration(Generation first) : current_(std::make_shared<const Generation>(std::move(first))) {}

  std::shared_ptr<const Generation> Get() const {
    absl::MutexLock lock(&pointer_mutex_);
    return current_;
  }

  // Runs `write`, which stores what `generation` made, while no other can take its place. Returns false, without
  // running it, when another one already has.
  bool WriteIfActive(const std::shared_ptr<const Generation>& generation, absl::FunctionRef<void()> write) const {
    absl::ReaderMutexLock writing(&writing_mutex_);
    if (Get() != generation) return false;
    write();
    return true;
  }

  // Makes `next` the active one if `last_step`, which runs while nobody writes, returns OK.
  absl::Status Replace(Generation next, absl::FunctionRef<absl::Status()> last_step) {
    absl::WriterMutexLock writing(&writing_mutex_);
    if (absl::Status status = last_step(); !status.ok()) return status;
    auto replacement = std::make_shared<const Generation>(std::move(next));
    absl::MutexLock lock(&pointer_mutex_);
    current_.swap(replacement);
    previous_ = replacement;
    return absl::OkStatus();
  }

  void SetCompanions(Companions companions) {
    absl::MutexLock lock(&pointer_mutex_);
    companions_ = std::move(companions);
  }

  // By what an Enroll makes embeddings beside the generation that it took. The one before is among them while a call
  // still answers by it.
  Companions companions() const {
    absl::MutexLock lock(&pointer_mutex_);
    Companions now = companions_;
    if (const std::shared_ptr<const Generation> previous = previous_.lock(); previous != nullptr) {
      const ModelDigest& model = previous->embedder->digest();
      bool there = current_->embedder->digest() == model;
      for (const auto& companion : now.models) there = there || companion->generation.embedder->digest() == model;
      if (!there) now.models.push_back(std::make_shared<const Companion>(Companion{*previous}));
    }
    return now;
  }

 private:
  mutable absl::Mutex writing_mutex_;
  mutable absl::Mutex pointer_mutex_;
  std::shared_ptr<const Generation> current_ ABSL_GUARDED_BY(pointer_mutex_);
  std::weak_ptr<const Generation> previous_ ABSL_GUARDED_BY(pointer_mutex_);
  Companions companions_ ABSL_GUARDED_BY(pointer_mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_GENERATION_H_
