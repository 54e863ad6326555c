#include "server/models/activation.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/models/damaged_crops.h"
#include "server/models/model_for_use.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
constexpr int64_t kEnoughForAPass = 32;
constexpr int kPasses = 4;
// Between two looks whether the other servers have loaded the model.
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(50);

bool Runs(const std::optional<ActivationProgress>& progress) { return progress.has_value() && progress->running; }

}  // namespace

Activations::Activations(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active,
                         const ThresholdRule& rule, Loader load, OnActive on_active)
    : folder_(folder),
      gallery_(gallery),
      active_(active),
      rule_(rule),
      load_(std::move(load)),
      follower_(folder, gallery, active, self_, load_, std::move(on_active)) {
  follower_.set_resume([this] { Resume().IgnoreError(); });
}

Activations::~Activations() {
  Stop();
  follower_.Stop();  // it may be about to resume something
  absl::MutexLock begin(&begin_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Activations::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

absl::Status Activations::Resume() {
  absl::MutexLock begin(&begin_mutex_);
  if (stopping() || Runs(Progress())) return absl::OkStatus();
  Coordination& coordination = gallery_.coordination();
  const absl::StatusOr<ModelChoice> choice = coordination.ReadModelChoice();
  if (!choice.ok()) return choice.status();
  if (!choice->target.has_value()) return absl::OkStatus();
  // What another server can go on with is left to it.
  const absl::StatusOr<VerifiedModel> verified = ReadForUse(*choice->target);
  if (!verified.ok() && gallery_.shared()) return absl::OkStatus();
  const absl::StatusOr<OperationRecord> taken = coordination.TakeOperation(choice->operation, self_);
  if (IsOperationLost(taken.status())) return absl::OkStatus();  // somebody works on it, or it has ended
  if (!taken.ok()) return taken.status();
  Log(LogLevel::kInfo, "activation_resumed", {{"operation", taken->name}, {"digest", choice->target->Hex()}});
  absl::StatusOr<Generation> next = verified.ok() ? load_(*verified) : verified.status();
  absl::Status begun = next.status();
  if (begun.ok()) {
    Transition transition = TransitionTo(*active_.Get(), *std::move(next));
    const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(*choice->target, transition.sources);
    begun = coverage.ok() ? CheckLeftBehind(*coverage, choice->leave_behind) : coverage.status();
    if (begun.ok()) {
      if (thread_.joinable()) thread_.join();
      Start(*taken, std::move(transition), *coverage, choice->leave_behind);
      return absl::OkStatus();
    }
  }
  // It cannot be finished, so the model so far stays.
  Log(LogLevel::kError, "activation_dropped",
      {{"digest", choice->target->Hex()}, {"message", std::string(begun.message())}});
  return coordination.EndOperation(taken->name, self_, taken->progress, begun);
}

absl::StatusOr<int64_t> Activations::Allow(const ModelDigest& model) {
  if (absl::Status status = folder_.Read(model).status(); !status.ok()) return status;
  return gallery_.AllowModel(model);
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
  return next.ok() ? TransitionTo(*active, *std::move(next)).sources : crops;  // Begin() says what is wrong with it
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

absl::Status Activations::CheckLeftBehind(const ModelCoverage& coverage, bool leave_behind) const {
  const int64_t left_behind = coverage.references - coverage.embedded - coverage.embeddable;
  if (left_behind == 0 || leave_behind) return absl::OkStatus();
  return MakeError(
      Reason::REFERENCES_WITHOUT_CROP,
      absl::StrCat(left_behind, " of ", coverage.references,
                   " references have no kept crop that this model can embed, and it does not differ from the active "
                   "one by a linear layer alone; their persons would have to be enrolled again"));
}

absl::StatusOr<std::string> Activations::Begin(const ModelDigest& model, const ActivationConsent& consent) {
  absl::MutexLock begin(&begin_mutex_);
  if (stopping()) return MakeError(Reason::SHUTTING_DOWN, "the server ends");
  Coordination& coordination = gallery_.coordination();
  ActivationRequest request{
      .model = model, .base = folder_.base().digest, .leave_behind = consent.leave_behind, .progress = {}};
  // A look before the network is loaded; the decision is BeginActivation()'s.
  const absl::StatusOr<ModelChoice> choice = coordination.ReadModelChoice();
  if (!choice.ok()) return choice.status();
  const ModelEvent event = BeginEventOf(*choice, model, request.base);
  if (TransitionFor(choice->stage, event).refusal != ModelRefusal::kNone) {
    const absl::StatusOr<BegunActivation> refused = coordination.BeginActivation(request, self_);
    if (!refused.ok()) return refused.status();
    if (refused->joined) return refused->operation->name;
    if (refused->operation.has_value()) {
      // It has ended just now. Begun without a look at the model: that is for the next try.
      const absl::Status again = MakeError(Reason::ACTIVATION_RUNNING, "another activation has just ended; try again");
      if (absl::Status ended = coordination.EndOperation(refused->operation->name, self_, {}, again); !ended.ok()) {
        return ended;
      }
      return again;
    }
    if (!Runs(Progress())) Report({.model = model});
    return std::string();
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
  Transition transition = TransitionTo(*active_.Get(), *std::move(next));
  const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, transition.sources);
  if (!coverage.ok()) return coverage.status();
  if (absl::Status status = CheckLeftBehind(*coverage, consent.leave_behind); !status.ok()) return status;
  request.progress = {.done = coverage->embedded, .total = coverage->references};
  const absl::StatusOr<BegunActivation> begun = coordination.BeginActivation(request, self_);
  if (!begun.ok()) return begun.status();
  if (!begun->operation.has_value()) return std::string();
  if (begun->joined) return begun->operation->name;
  if (thread_.joinable()) thread_.join();  // of one that has ended in the gallery already
  Start(*begun->operation, std::move(transition), *coverage, consent.leave_behind);
  return begun->operation->name;
}

void Activations::Start(const OperationRecord& operation, Transition transition, const ModelCoverage& coverage,
                        bool leave_behind) {
  follower_.Prepare(transition.next);
  Report({.model = *operation.subject, .coverage = coverage, .running = true, .operation = operation.name});
  thread_ = std::thread([this, operation, leave_behind, transition = std::move(transition)] {
    RunGuarded(ThreadKind::kActivation, [&] { Run(transition, operation, leave_behind); }).IgnoreError();
  });
}

void Activations::Run(const Transition& transition, const OperationRecord& operation, bool leave_behind) {
  LowerThisThreadsPriority(Politeness::kModest);
  OperationRun run(gallery_.coordination(), self_, operation, [this] { return stopping(); });
  absl::Status outcome;
  const absl::Status ran =
      RunGuarded(ThreadKind::kActivation, [&] { outcome = EmbedAndSwitch(transition, run, leave_behind); });
  if (!ran.ok()) outcome = ran;
  if (!outcome.ok()) {
    outcome = run.End(outcome, /*others_may_go_on=*/gallery_.shared());
    follower_.Abandon();
    const bool cancelled = ReasonOf(outcome) == Reason::CANCELLED;
    Log(cancelled || stopping() ? LogLevel::kInfo : LogLevel::kError,
        cancelled ? "activation_cancelled" : "activation_failed",
        {{"operation", operation.name},
         {"digest", operation.subject->Hex()},
         {"message", std::string(outcome.message())}});
    if (IsOperationLost(outcome)) outcome = MakeError(Reason::ACTIVATION_RUNNING, outcome.message());
  }
  ActivationProgress progress = *Progress();
  progress.running = false;
  progress.outcome = outcome;
  Report(progress);
}

absl::Status Activations::EmbedAndSwitch(const Transition& transition, OperationRun& run, bool leave_behind) {
  const ModelDigest model = transition.next.embedder->digest();
  EmbeddingPass pass(
      gallery_, transition, [&run] { return run.Check(); },
      [this, &run](int64_t added) {
        ModelCoverage coverage = Progress()->coverage;
        coverage.embedded += added;
        coverage.embeddable -= added;
        NoteCoverage(coverage, run);
      });
  // Servers that have the model enrol by it, too; those that lack it leave somebody to each pass.
  absl::StatusOr<int64_t> embedded = kEnoughForAPass;
  for (int i = 0; i < kPasses && embedded.ok() && *embedded >= kEnoughForAPass; ++i) {
    const absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, transition.sources);
    DamagedCrops damaged;  // Switch() sees all of them
    embedded = coverage.ok() ? pass.EmbedUpTo(coverage->embeddable, damaged) : coverage.status();
  }
  return embedded.ok() ? Switch(transition, run, pass, leave_behind) : embedded.status();
}

absl::Status Activations::Switch(const Transition& transition, OperationRun& run, EmbeddingPass& pass,
                                 bool leave_behind) {
  const ModelDigest model = transition.next.embedder->digest();
  while (true) {
    // Who comes after this look is seen in the transaction that switches.
    const absl::StatusOr<ModelCoverage> before = gallery_.Coverage(model, transition.sources);
    if (!before.ok()) return before.status();
    DamagedCrops damaged;
    if (absl::Status status = pass.EmbedUpTo(kAll, damaged).status(); !status.ok()) return status;
    absl::StatusOr<ModelCoverage> coverage = gallery_.Coverage(model, transition.sources);
    if (!coverage.ok()) return coverage.status();
    if (absl::Status status = LeaveBehind(damaged, leave_behind, *coverage); !status.ok()) return status;
    if (absl::Status status = CheckLeftBehind(*coverage, leave_behind); !status.ok()) return status;
    NoteCoverage(*coverage, run);
    if (absl::Status status = run.Check(); !status.ok()) return status;
    const absl::StatusOr<SwitchResult> result = gallery_.coordination().Switch(
        {.operation = run.name(), .base = folder_.base().digest, .up_to = before->last, .progress = run.progress()},
        self_);
    if (!result.ok()) return result.status();
    if (result->outcome == SwitchResult::Outcome::kMoreReferences) continue;
    if (result->outcome == SwitchResult::Outcome::kServersNotPrepared) {
      if (absl::Status status = Pause(run, kBetweenLooks); !status.ok()) return status;
      continue;
    }
    if (coverage->embeddable > 0) {
      // Nobody could be verified by them before either: STORE_CORRUPT.
      Log(LogLevel::kWarning, "damaged_references_passed_over", {{"references", coverage->embeddable}});
    }
    ActivationProgress progress = *Progress();
    progress.revision = result->revision;
    Report(progress);
    follower_.Answer(transition.next);
    return absl::OkStatus();
  }
}

absl::Status Activations::Pause(OperationRun& run, absl::Duration limit) const {
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), limit);
  }
  return run.Check();
}

void Activations::NoteCoverage(const ModelCoverage& coverage, OperationRun& run) {
  run.SetProgress({.done = coverage.embedded, .total = coverage.references});
  ActivationProgress progress = *Progress();
  progress.coverage = coverage;
  Report(progress);
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

absl::StatusOr<ActivationProgress> Activations::ProgressOf(const std::string& operation) const {
  if (const std::optional<ActivationProgress> own = Progress(); own.has_value() && own->operation == operation) {
    // One that this server has let go of goes on elsewhere.
    if (own->running || own->outcome.ok()) return *own;
  }
  const absl::StatusOr<OperationRecord> record = gallery_.coordination().GetOperation(operation);
  if (!record.ok()) return record.status();
  ActivationProgress progress;
  progress.model = record->subject.value_or(ModelDigest{});
  progress.operation = operation;
  progress.running = record->state == OperationState::kRunning;
  progress.outcome = record->error;
  progress.revision = record->revision;
  progress.coverage = {.references = record->progress.total,
                       .embedded = record->progress.done,
                       .embeddable = record->progress.total - record->progress.done};
  return progress;
}

absl::StatusOr<EmbeddingDeletion> Activations::Delete(ModelFolder& folder, const ModelDigest& model) {
  absl::MutexLock begin(&begin_mutex_);
  if (absl::StatusOr<ModelEntry> entry = folder.Find(model); absl::IsNotFound(entry.status())) return entry.status();
  if (active_.Get()->embedder->digest() == model) {
    return MakeError(Reason::MODEL_IN_USE, "this server answers by the model");
  }
  const absl::StatusOr<int64_t> retired = gallery_.coordination().RetireModel(model, folder.base().digest);
  if (!retired.ok()) return retired.status();
  const absl::StatusOr<EmbeddingDeletion> deletion = gallery_.DeleteEmbeddings(model);
  if (!deletion.ok()) return deletion;
  if (absl::Status status = folder.Delete(model); !status.ok()) return status;
  return deletion;
}

}  // namespace likeness
