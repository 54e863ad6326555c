#include "server/models/activation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

// Crops take memory and time; a mapped embedding takes what it takes to be written.
constexpr size_t kCropsAtOnce = 32;
constexpr size_t kMappedAtOnce = 1000;
// The servers of a shared gallery write in turns, one statement a network round trip.
constexpr size_t kMappedAtOnceIfShared = 100;
constexpr int64_t kEnoughForAPass = 32;
constexpr int kPasses = 4;

// In groups of so many, the last of which may have fewer.
template <typename Handle>
absl::Status ForEachGroup(const std::vector<UnembeddedReference>& references, size_t size, Handle handle) {
  for (size_t from = 0; from < references.size(); from += size) {
    if (absl::Status status = handle(absl::MakeConstSpan(references).subspan(from, size)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// What ends the thread early without an end to the activation.
absl::Status Interrupted() { return absl::CancelledError("the server ends"); }

}  // namespace

Activations::Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active,
                         const ThresholdRule& rule, Loader load, OnActive on_active)
    : folder_(folder),
      gallery_(gallery),
      active_(active),
      rule_(rule),
      load_(std::move(load)),
      on_active_(std::move(on_active)) {}

Activations::~Activations() {
  Stop();
  absl::MutexLock begin(&begin_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Activations::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

absl::Status Activations::Resume() {
  const absl::StatusOr<ModelChoice> choice = gallery_.ReadModelChoice();
  if (!choice.ok()) return choice.status();
  if (!choice->target.has_value()) return absl::OkStatus();
  // What began went on with whoever asked for it knowing what would decide.
  const absl::Status begun = Begin(*choice->target, {.leave_behind = choice->leave_behind, .unmeasured = true});
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
  absl::StatusOr<VerifiedModel> verified = ReadForUse(model);
  if (!verified.ok()) return verified.status();
  if (thread_.joinable()) thread_.join();
  Report({.model = model, .coverage = {}, .running = true});
  thread_ = std::thread([this, verified = *std::move(verified)] {
    RunGuarded(ThreadKind::kActivation, [&] { RunFollow(verified); }).IgnoreError();
  });
  // Called once more to see that it has been done.
  return MakeError(Reason::ACTIVATION_RUNNING, "");
}

void Activations::RunFollow(const VerifiedModel& model) {
  absl::Status outcome;
  const absl::Status ran = RunGuarded(ThreadKind::kActivation, [&] {
    absl::StatusOr<Generation> next = load_(model);
    outcome = next.status();
    if (!outcome.ok()) return;
    const Transition transition = TransitionTo(*std::move(next));
    // Those that this server enrolled since the other one looked.
    DamagedCrops damaged;
    outcome = active_.Replace(
        transition.next, [&] { return EmbedUpTo(transition, std::numeric_limits<int64_t>::max(), damaged).status(); });
    damaged.Warn();
    if (outcome.ok()) on_active_(transition.next);
  });
  if (!ran.ok()) outcome = ran;
  if (!outcome.ok()) {
    Log(LogLevel::kError, "activation_failed",
        {{"digest", model.digest.Hex()}, {"message", std::string(outcome.message())}});
  }
  std::optional<ActivationProgress> progress = Progress();
  progress->running = false;
  progress->outcome = outcome;
  Report(*progress);
}

absl::StatusOr<int64_t> Activations::Allow(const ModelDigest& model) {
  if (absl::Status status = folder_.Read(model).status(); !status.ok()) return status;
  return gallery_.AllowModel(model);
}

absl::Status Activations::CheckAllowed(const ModelDigest& model) const {
  return likeness::CheckAllowed(folder_, gallery_, model);
}

EmbeddingSources Activations::SourcesOf(const ModelEntry& entry) {
  const EmbeddingSources crops{CropKindOf(entry.manifest)};
  const std::shared_ptr<const Generation> active = active_.Get();
  if (active->embedder->digest() == entry.digest || !MayBeMapped(active->embedder->manifest(), entry.manifest)) {
    return crops;
  }
  const absl::StatusOr<VerifiedModel> verified = ReadForUse(entry.digest);
  if (!verified.ok()) return crops;
  absl::StatusOr<Generation> next = load_(*verified);
  return next.ok() ? TransitionTo(*std::move(next)).sources : crops;  // Begin() says what is wrong with it
}

Activations::Transition Activations::TransitionTo(Generation next) const {
  const std::shared_ptr<const Generation> active = active_.Get();
  EmbeddingSources sources{CropKindOf(next.embedder->manifest())};
  std::optional<EmbeddingMap> map = MapBetween(*active->embedder, *next.embedder);
  if (map.has_value()) sources.mapped_from = active->embedder->digest();
  return {std::move(next), std::move(map), std::move(sources)};
}

absl::Status Activations::CheckMeasured(const std::optional<Threshold>& threshold) const {
  if (IsMeasured(threshold)) return absl::OkStatus();
  return MakeError(
      Reason::THRESHOLD_NOT_MEASURED,
      absl::StrCat("nobody has measured at which distance the model keeps to a false match rate of ", rule_.target_fmr,
                   ", the server's --target-fmr; measure it with `likeness calibrate`, or "
                   "go on with --unmeasured: then ",
                   threshold.has_value() ? "half the margin would decide, at an unknown error rate"
                                         : "Verify and Compare would not answer"));
}

absl::Status Activations::Begin(const ModelDigest& model, const ActivationConsent& consent) {
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
  // Before its code is run. A file that was altered is told from one that this server cannot use.
  const absl::StatusOr<VerifiedModel> verified = ReadForUse(model);
  if (!verified.ok()) return verified.status();
  absl::StatusOr<Generation> next = load_(*verified);
  if (!next.ok()) return next.status();
  // By what the bundle itself says, which its seal vouches for.
  if (!consent.unmeasured) {
    if (absl::Status status = CheckMeasured(next->threshold); !status.ok()) return status;
  }
  Transition transition = TransitionTo(*std::move(next));
  const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, transition.sources);
  if (!coverage.ok()) return coverage.status();
  if (absl::Status status = CheckLeftBehind(*coverage, consent.leave_behind); !status.ok()) return status;
  const absl::StatusOr<ModelChoice> before = gallery_.ReadModelChoice();
  if (!before.ok()) return before.status();
  const ModelChoice choice{before->active, model, consent.leave_behind};
  if (absl::Status status = gallery_.SetModelChoice(choice).status(); !status.ok()) return status;
  Report({.model = model, .coverage = *coverage, .running = true});
  thread_ = std::thread([this, transition = std::move(transition), choice] {
    RunGuarded(ThreadKind::kActivation, [&] { Run(transition, choice); }).IgnoreError();
  });
  return absl::OkStatus();
}

absl::Status Activations::CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const {
  const int64_t left_behind = coverage.references - coverage.embedded - coverage.embeddable;
  if (left_behind == 0 || leave_behind) return absl::OkStatus();
  return MakeError(
      Reason::REFERENCES_WITHOUT_CROP,
      absl::StrCat(left_behind, " of ", coverage.references,
                   " references have no kept crop that this model can embed, and it does not differ from the active "
                   "one by a linear layer alone; their persons would have to be enrolled again"));
}

void Activations::Run(const Transition& transition, ModelChoice choice) {
  LowerThisThreadsPriority(Politeness::kModest);  // for a while nobody is enrolled until it is done
  const ModelDigest model = *choice.target;
  // People are enrolled meanwhile, perhaps as fast as they are embedded here. Each pass leaves those of its own time to
  // the next, and Switch() the rest, while enrolments wait.
  absl::Status outcome;
  const absl::Status ran = RunGuarded(ThreadKind::kActivation, [&] {
    absl::StatusOr<int64_t> embedded = kEnoughForAPass;
    for (int pass = 0; pass < kPasses && embedded.ok() && *embedded >= kEnoughForAPass; ++pass) {
      const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, transition.sources);
      DamagedCrops damaged;  // Switch() sees all of them
      embedded = coverage.ok() ? EmbedUpTo(transition, coverage->embeddable, damaged) : coverage.status();
    }
    outcome = embedded.ok() ? Switch(transition, choice) : embedded.status();
  });
  if (!ran.ok()) outcome = ran;
  if (absl::IsCancelled(outcome)) return;  // goes on after the next start
  const auto forget = [&] {
    Log(LogLevel::kError, "activation_failed", {{"digest", model.Hex()}, {"message", std::string(outcome.message())}});
    const absl::Status forgotten = gallery_.SetModelChoice({choice.active, std::nullopt, false}).status();
    if (!forgotten.ok())
      Log(LogLevel::kError, "activation_not_forgotten", {{"message", std::string(forgotten.message())}});
  };
  if (!outcome.ok()) RunGuarded(ThreadKind::kActivation, forget).IgnoreError();
  std::optional<ActivationProgress> progress = Progress();
  progress->running = false;
  progress->outcome = outcome;
  Report(*progress);
}

absl::StatusOr<int64_t> Activations::EmbedUpTo(const Transition& transition, int64_t most, DamagedCrops& damaged) {
  const bool may_map = transition.map.has_value();
  const size_t mapped_at_once = gallery_.shared() ? kMappedAtOnceIfShared : kMappedAtOnce;
  int64_t after = 0;
  int64_t embedded = 0;
  while (embedded < most) {
    if (stopping()) return Interrupted();
    absl::StatusOr<std::vector<UnembeddedReference>> page =
        gallery_.Unembedded(transition.next.embedder->digest(), transition.sources, after,
                            static_cast<int>(may_map ? kMappedAtOnce : kCropsAtOnce));
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    after = page->back().number;
    std::vector<UnembeddedReference> mapped;
    std::vector<UnembeddedReference> cropped;
    for (UnembeddedReference& reference : *page) {
      (reference.values.empty() ? cropped : mapped).push_back(std::move(reference));
    }
    // Where embeddings are mapped, a reference with nothing whole left is one that nobody could be verified by before
    // either: STORE_CORRUPT, or MODEL_MISMATCH.
    DamagedCrops lost_before;
    absl::Status status =
        ForEachGroup(mapped, mapped_at_once, [&](const auto group) { return AddMapped(transition, group); });
    if (status.ok()) {
      status = ForEachGroup(cropped, kCropsAtOnce, [&](const auto group) {
        return AddEmbedded(transition, group, may_map ? lost_before : damaged, embedded);
      });
    }
    if (!status.ok()) return status;
    embedded += static_cast<int64_t>(mapped.size());
  }
  return embedded;
}

absl::Status Activations::AddMapped(const Transition& transition, absl::Span<const UnembeddedReference> references) {
  std::vector<Embedding> embeddings;
  embeddings.reserve(references.size());
  for (const UnembeddedReference& reference : references) {
    std::vector<float> values = transition.map->Map(reference.values);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      return MakeError(Reason::NETWORK_FAILED, absl::StrCat("the model has no embedding for that of reference ",
                                                            reference.reference_id, "; delete it and enroll again"));
    }
    embeddings.push_back({transition.next.embedder->digest(), std::move(values)});
  }
  return Add(references, embeddings);
}

absl::Status Activations::AddEmbedded(const Transition& transition, absl::Span<const UnembeddedReference> references,
                                      DamagedCrops& damaged, int64_t& embedded) {
  if (stopping()) return Interrupted();
  const DecodedCrops decoded = DecodeCrops(references, transition.next.embedder->manifest(), damaged);
  if (decoded.crops.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<Embedding>> embeddings = transition.next.embedder->Embed(decoded.crops);
  if (!embeddings.ok()) return embeddings.status();
  embedded += static_cast<int64_t>(decoded.references.size());
  return Add(decoded.references, *embeddings);
}

absl::Status Activations::Add(absl::Span<const UnembeddedReference> references,
                              absl::Span<const Embedding> embeddings) {
  if (absl::Status status = gallery_.AddEmbeddings(references, embeddings); !status.ok()) return status;
  ActivationProgress progress = *Progress();
  progress.coverage.embedded += static_cast<int64_t>(references.size());
  progress.coverage.embeddable -= static_cast<int64_t>(references.size());
  Report(progress);
  return absl::OkStatus();
}

absl::Status Activations::Switch(const Transition& transition, const ModelChoice& choice) {
  const absl::Status switched = active_.Replace(transition.next, [&]() -> absl::Status {
    // Those enrolled since; nobody is enrolled now.
    DamagedCrops damaged;
    if (absl::Status status = EmbedUpTo(transition, std::numeric_limits<int64_t>::max(), damaged).status();
        !status.ok())
      return status;
    absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(*choice.target, transition.sources);
    if (!coverage.ok()) return coverage.status();
    if (absl::Status status = LeaveBehind(damaged, choice.leave_behind, *coverage); !status.ok()) return status;
    if (coverage->embeddable > 0) {
      // Nobody could be verified by them before either: STORE_CORRUPT.
      Log(LogLevel::kWarning, "damaged_references_passed_over", {{"references", coverage->embeddable}});
    }
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
  if (switched.ok()) on_active_(transition.next);
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
    return stopping_ || (progress_.has_value() && progress_->changes > changes);
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
