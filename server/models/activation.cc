#include "server/models/activation.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/image/crop_file.h"
#include "server/telemetry/log.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

constexpr int kReferencesAtOnce = 32;
constexpr int64_t kEnoughForAPass = kReferencesAtOnce;
constexpr int kPasses = 4;

// What ends the thread early without an end to the activation.
absl::Status Interrupted() { return absl::CancelledError("the server ends"); }

}  // namespace

Activations::Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, Loader load,
                         OnActive on_active)
    : folder_(folder), gallery_(gallery), active_(active), load_(std::move(load)), on_active_(std::move(on_active)) {}

Activations::~Activations() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock begin(&begin_mutex_);
  if (thread_.joinable()) thread_.join();
}

absl::Status Activations::Resume() {
  const absl::StatusOr<ModelChoice> choice = gallery_.ReadModelChoice();
  if (!choice.ok()) return choice.status();
  if (!choice->target.has_value()) return absl::OkStatus();
  const absl::Status begun = Begin(*choice->target, choice->leave_behind);
  if (begun.ok()) return begun;
  // It cannot be finished, so the model so far stays.
  Log(LogLevel::kError, "activation_dropped",
      {{"digest", choice->target->Hex()}, {"message", std::string(begun.message())}});
  return gallery_.SetModelChoice({.active = choice->active, .target = std::nullopt, .leave_behind = false}).status();
}

absl::Status Activations::Follow() {
  absl::MutexLock begin(&begin_mutex_);
  if (const std::optional<ActivationProgress> progress = Progress(); progress.has_value() && progress->running) {
    return MakeError(Reason::ACTIVATION_RUNNING, "a model is being activated");
  }
  const absl::StatusOr<ModelChoice> choice = gallery_.ReadModelChoice();
  if (!choice.ok()) return choice.status();
  const ModelDigest model = choice->active.value_or(folder_.base().digest);
  if (active_.Get()->embedder->digest() == model) return absl::OkStatus();
  const absl::StatusOr<ModelEntry> entry = folder_.Find(model);
  if (!entry.ok()) return entry.status();
  if (absl::Status status = CheckAllowed(model); !status.ok()) return status;
  if (absl::Status status = folder_.Check(*entry); !status.ok()) return status;
  if (thread_.joinable()) thread_.join();
  Report({.model = model, .coverage = {}, .running = true});
  thread_ = std::thread([this, entry = *entry] { RunFollow(entry); });
  // Called once more to see that it has been done.
  return MakeError(Reason::ACTIVATION_RUNNING, "");
}

void Activations::RunFollow(const ModelEntry& entry) {
  absl::StatusOr<Generation> next = load_(entry);
  absl::Status outcome = next.status();
  if (outcome.ok()) {
    const Generation active = *next;
    // Those that this server enrolled since the other one looked.
    outcome = active_.Replace(*std::move(next),
                              [&] { return EmbedUpTo(active, std::numeric_limits<int64_t>::max()).status(); });
    if (outcome.ok()) on_active_(active);
  }
  if (!outcome.ok()) {
    Log(LogLevel::kError, "activation_failed",
        {{"digest", entry.digest.Hex()}, {"message", std::string(outcome.message())}});
  }
  std::optional<ActivationProgress> progress = Progress();
  progress->running = false;
  progress->outcome = outcome;
  Report(*progress);
}

absl::StatusOr<int64_t> Activations::Allow(const ModelDigest& model) {
  const absl::StatusOr<ModelEntry> entry = folder_.Find(model);
  if (!entry.ok()) return entry.status();
  if (absl::Status status = folder_.Check(*entry); !status.ok()) return status;
  return gallery_.AllowModel(model);
}

absl::Status Activations::CheckAllowed(const ModelDigest& model) const {
  if (model == folder_.base().digest) return absl::OkStatus();
  const absl::StatusOr<bool> allowed = gallery_.IsModelAllowed(model);
  if (!allowed.ok()) return allowed.status();
  if (*allowed) return absl::OkStatus();
  return MakeError(
      Reason::MODEL_NOT_ALLOWED,
      "the model was not trained with this gallery, and nobody has allowed it; `likeness models allow` does");
}

absl::Status Activations::Begin(const ModelDigest& model, bool leave_behind) {
  absl::MutexLock begin(&begin_mutex_);
  if (const std::optional<ActivationProgress> progress = Progress(); progress.has_value() && progress->running) {
    if (progress->model == model) return absl::OkStatus();
    return MakeError(Reason::ACTIVATION_RUNNING, "another model is being activated");
  }
  if (thread_.joinable()) thread_.join();
  if (active_.Get()->embedder->digest() == model) {
    Report({.model = model, .coverage = {}});
    return absl::OkStatus();
  }
  const absl::StatusOr<ModelEntry> entry = folder_.Find(model);
  if (!entry.ok()) return entry.status();
  // Before its code is run.
  if (absl::Status status = CheckAllowed(model); !status.ok()) return status;
  // A file that was altered is told from one that this server cannot use.
  if (absl::Status status = folder_.Check(*entry); !status.ok()) return status;
  absl::StatusOr<Generation> next = load_(*entry);
  if (!next.ok()) return next.status();
  const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, CropKindOf(next->embedder->manifest()));
  if (!coverage.ok()) return coverage.status();
  if (absl::Status status = CheckLeftBehind(*coverage, leave_behind); !status.ok()) return status;
  const absl::StatusOr<ModelChoice> before = gallery_.ReadModelChoice();
  if (!before.ok()) return before.status();
  const ModelChoice choice{before->active, model, leave_behind};
  if (absl::Status status = gallery_.SetModelChoice(choice).status(); !status.ok()) return status;
  Report({.model = model, .coverage = *coverage, .running = true});
  thread_ = std::thread([this, next = *std::move(next), choice]() mutable { Run(std::move(next), choice); });
  return absl::OkStatus();
}

absl::Status Activations::CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const {
  const int64_t left_behind = coverage.references - coverage.embedded - coverage.embeddable;
  if (left_behind == 0 || leave_behind) return absl::OkStatus();
  return MakeError(
      Reason::REFERENCES_WITHOUT_CROP,
      absl::StrCat(left_behind, " of ", coverage.references,
                   " references have no kept crop that this model can embed; their persons would have to be "
                   "enrolled again"));
}

void Activations::Run(Generation next, ModelChoice choice) {
  LowerThisThreadsPriority(Politeness::kModest);  // for a while nobody is enrolled until it is done
  const ModelDigest model = *choice.target;
  // People are enrolled meanwhile, perhaps as fast as they are embedded here. Each pass leaves those of its own time to
  // the next, and Switch() the rest, while enrolments wait.
  absl::StatusOr<int64_t> embedded = kEnoughForAPass;
  for (int pass = 0; pass < kPasses && embedded.ok() && *embedded >= kEnoughForAPass; ++pass) {
    const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, CropKindOf(next.embedder->manifest()));
    embedded = coverage.ok() ? EmbedUpTo(next, coverage->embeddable) : coverage.status();
  }
  absl::Status outcome = embedded.ok() ? Switch(std::move(next), choice) : embedded.status();
  if (absl::IsCancelled(outcome)) return;  // goes on after the next start
  if (!outcome.ok()) {
    Log(LogLevel::kError, "activation_failed", {{"digest", model.Hex()}, {"message", std::string(outcome.message())}});
    const absl::Status forgotten = gallery_.SetModelChoice({choice.active, std::nullopt, false}).status();
    if (!forgotten.ok())
      Log(LogLevel::kError, "activation_not_forgotten", {{"message", std::string(forgotten.message())}});
  }
  std::optional<ActivationProgress> progress = Progress();
  progress->running = false;
  progress->outcome = outcome;
  Report(*progress);
}

absl::StatusOr<int64_t> Activations::EmbedUpTo(const Generation& next, int64_t most) {
  const Embedder& embedder = *next.embedder;
  const std::string kind = CropKindOf(embedder.manifest());
  int64_t after = 0;
  int64_t embedded = 0;
  while (embedded < most) {
    if (Stopping()) return Interrupted();
    const absl::StatusOr<std::vector<UnembeddedReference>> references =
        gallery_.Unembedded(embedder.digest(), kind, after, kReferencesAtOnce);
    if (!references.ok()) return references.status();
    if (references->empty()) break;
    std::vector<Picture> crops;
    for (const UnembeddedReference& reference : *references) {
      absl::StatusOr<Picture> crop = DecodeCropFile(reference.picture);
      if (!crop.ok()) return crop.status();
      crops.push_back(*std::move(crop));
    }
    const absl::StatusOr<std::vector<Embedding>> embeddings = embedder.Embed(crops);
    if (!embeddings.ok()) return embeddings.status();
    if (absl::Status status = gallery_.AddEmbeddings(*references, *embeddings); !status.ok()) return status;
    after = references->back().number;
    ActivationProgress progress = *Progress();
    progress.coverage.embedded += static_cast<int64_t>(references->size());
    progress.coverage.embeddable -= static_cast<int64_t>(references->size());
    Report(progress);
    embedded += static_cast<int64_t>(references->size());
  }
  return embedded;
}

absl::Status Activations::Switch(Generation next, const ModelChoice& choice) {
  const Generation active = next;
  const absl::Status switched = active_.Replace(std::move(next), [&]() -> absl::Status {
    // Those enrolled since; nobody is enrolled now.
    if (absl::Status status = EmbedUpTo(active, std::numeric_limits<int64_t>::max()).status(); !status.ok())
      return status;
    const absl::StatusOr<ModelCoverage> coverage =
        gallery_.Coverage(*choice.target, CropKindOf(active.embedder->manifest()));
    if (!coverage.ok()) return coverage.status();
    if (absl::Status status = CheckLeftBehind(*coverage, choice.leave_behind); !status.ok()) return status;
    // The base is no choice: a server that is started with another --model shall answer with that.
    const bool base = *choice.target == folder_.base().digest;
    const absl::StatusOr<int64_t> revision = gallery_.SetModelChoice(
        {.active = base ? std::nullopt : choice.target, .target = std::nullopt, .leave_behind = false});
    if (!revision.ok()) return revision.status();
    ActivationProgress progress = *Progress();
    progress.coverage = *coverage;
    progress.revision = *revision;
    Report(progress);
    return absl::OkStatus();
  });
  if (switched.ok()) on_active_(active);
  return switched;
}

void Activations::Report(ActivationProgress progress) {
  absl::MutexLock lock(&mutex_);
  progress.changes = progress_.has_value() ? progress_->changes + 1 : 1;
  progress_ = std::move(progress);
}

std::optional<ActivationProgress> Activations::Progress() const {
  absl::MutexLock lock(&mutex_);
  return progress_;
}

std::optional<ActivationProgress> Activations::AwaitChange(int64_t changes, absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  const auto changed = [this, changes]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return progress_.has_value() && progress_->changes > changes;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&changed), limit);
  return progress_;
}

absl::StatusOr<EmbeddingDeletion> Activations::Delete(ModelFolder& folder, const ModelDigest& model) {
  absl::MutexLock begin(&begin_mutex_);
  if (absl::StatusOr<ModelEntry> entry = folder.Find(model); absl::IsNotFound(entry.status())) return entry.status();
  const std::optional<ActivationProgress> progress = Progress();
  if (active_.Get()->embedder->digest() == model || folder.base().digest == model ||
      (progress.has_value() && progress->running && progress->model == model)) {
    return MakeError(Reason::MODEL_IN_USE, "the model is active or becoming so, or the server was started with it");
  }
  if (absl::Status status = gallery_.ForbidModel(model).status(); !status.ok()) return status;
  const absl::StatusOr<EmbeddingDeletion> deletion = gallery_.DeleteEmbeddings(model);
  if (!deletion.ok()) return deletion;
  if (absl::Status status = folder.Delete(model); !status.ok()) return status;
  return deletion;
}

}  // namespace likeness
