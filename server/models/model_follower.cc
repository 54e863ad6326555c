#include "server/models/model_follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/models/model_for_use.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenTries = absl::Seconds(3);

bool Contains(const std::vector<ModelDigest>& models, const ModelDigest& model) {
  return std::find(models.begin(), models.end(), model) != models.end();
}

// What the operator is told of a model that the server should answer by.
absl::Status WhatToDo(const ModelDigest& model, const absl::Status& error) {
  if (ReasonOf(error) != Reason::MODEL_NOT_FOUND) return error;
  return MakeError(Reason::MODEL_NOT_FOUND,
                   absl::StrCat("the gallery's active model is ", model.Hex(),
                                ", and this server lacks its files: copy ", model.Hex(), ".pt and ", model.Hex(),
                                ".json into its models folder; until then it is not ready and enrolls nobody"));
}

}  // namespace

ModelFollower::ModelFollower(const ModelFolder& folder, Gallery& gallery, ActiveGeneration& active, OperationOwner self,
                             Loader load, OnActive on_active)
    : folder_(folder),
      gallery_(gallery),
      active_(active),
      self_(std::move(self)),
      load_(std::move(load)),
      on_active_(std::move(on_active)) {}

ModelFollower::~ModelFollower() {
  Stop();
  bool entered = false;
  {
    absl::MutexLock lock(&mutex_);
    entered = entered_;
  }
  if (entered) gallery_.coordination().Leave(self_.id).IgnoreError();  // or its record expires
}

void ModelFollower::Stop() {
  std::thread worker;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    worker = std::move(worker_);
  }
  if (worker.joinable()) worker.join();
}

void ModelFollower::set_on_ready(OnReady on_ready) {
  absl::MutexLock lock(&mutex_);
  on_ready_ = std::move(on_ready);
  told_.reset();
}

GalleryServers ModelFollower::servers() const {
  absl::MutexLock lock(&mutex_);
  return servers_;
}

ModelDigest ModelFollower::DueModel() const { return servers_.choice.active.value_or(folder_.base().digest); }

std::vector<ModelDigest> ModelFollower::WantedModels() const {
  std::vector<ModelDigest> wanted = {DueModel()};
  if (servers_.choice.target.has_value()) wanted.push_back(*servers_.choice.target);
  if (pinned_.has_value()) wanted.push_back(*pinned_);
  for (const ServerRecord& server : servers_.servers) {
    if (server.answers.has_value() && server.id != self_.id) wanted.push_back(*server.answers);
  }
  const ModelDigest answering = active_.Get()->embedder->digest();
  std::vector<ModelDigest> others;
  for (const ModelDigest& model : wanted) {
    if (!(model == answering) && !Contains(others, model)) others.push_back(model);
  }
  return others;
}

std::vector<ModelDigest> ModelFollower::MissingModels() const {
  std::vector<ModelDigest> missing;
  const absl::Time now = absl::Now();
  for (const ModelDigest& model : WantedModels()) {
    const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.model == model; });
    if (held == held_.end() || (!held->generation.ok() && now - held->tried >= kBetweenTries)) missing.push_back(model);
  }
  return missing;
}

ModelFollower::Held* ModelFollower::Find(const ModelDigest& model) {
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.model == model; });
  return held == held_.end() ? nullptr : &*held;
}

void ModelFollower::Put(const ModelDigest& model, absl::StatusOr<Generation> generation) {
  std::erase_if(held_, [&](const Held& held) { return held.model == model; });
  held_.push_back({model, std::move(generation), absl::Now()});
}

void ModelFollower::Arrange() {
  const std::vector<ModelDigest> wanted = WantedModels();
  std::erase_if(held_, [&](const Held& held) { return !Contains(wanted, held.model); });
  const std::shared_ptr<const Generation> answering = active_.Get();
  Companions companions;
  for (const ModelDigest& model : wanted) {
    Held* held = Find(model);
    if (held == nullptr) continue;
    if (!held->generation.ok()) {
      companions.lacking.push_back(model);
      continue;
    }
    if (held->companion == nullptr || held->companion->made_for != answering->embedder->digest()) {
      held->companion = std::make_shared<const Companion>(
          Companion{*held->generation, MapBetween(*answering->embedder, *held->generation->embedder),
                    answering->embedder->digest()});
    }
    companions.models.push_back(held->companion);
  }
  active_.SetCompanions(std::move(companions));
}

ServerRecord ModelFollower::Self(bool answers) {
  absl::MutexLock lock(&mutex_);
  ServerRecord self{.id = self_.id, .name = self_.name, .base = folder_.base().digest};
  const ModelDigest answering = active_.Get()->embedder->digest();
  if (answers) self.answers = answering;
  // The model that it is about to answer by, or should.
  const ModelDigest next = servers_.choice.target.value_or(DueModel());
  if (const Held* held = Find(next); held != nullptr) {
    (held->generation.ok() ? self.prepared : self.lacks) = next;
  }
  return self;
}

absl::Status ModelFollower::Report(bool answers) {
  absl::MutexLock report(&report_mutex_);
  while (true) {
    int64_t switches = 0;
    {
      absl::MutexLock lock(&mutex_);
      switches = switches_;
    }
    absl::StatusOr<GalleryServers> servers = gallery_.coordination().Report(Self(answers));
    if (!servers.ok()) return servers.status();
    absl::MutexLock lock(&mutex_);
    entered_ = true;
    // What was read before this server answered by another model may be older than that.
    if (switches_ != switches) continue;
    servers_ = *std::move(servers);
    Arrange();
    return absl::OkStatus();
  }
}

absl::StatusOr<Generation> ModelFollower::Load(const ModelDigest& model) const {
  const absl::StatusOr<VerifiedModel> verified = ReadModelForUse(folder_, gallery_, model);
  if (!verified.ok()) return verified.status();
  return load_(*verified);
}

absl::Status ModelFollower::Enter() {
  while (true) {
    // Nobody counts on its answers yet.
    if (absl::Status status = Report(/*answers=*/false); !status.ok()) {
      // A full disk keeps no server from answering. Nobody needs to know of the only one.
      if (gallery_.shared()) return status;
      Log(LogLevel::kWarning, "server_not_reported", {{"message", std::string(status.message())}});
      return absl::OkStatus();
    }
    const ModelDigest answering = active_.Get()->embedder->digest();
    ModelDigest due;
    {
      absl::MutexLock lock(&mutex_);
      due = DueModel();
    }
    if (!(due == answering)) {
      const absl::StatusOr<Generation> next = Load(due);
      if (!next.ok()) return WhatToDo(due, next.status());
      AnswerBy(*next, /*if_due=*/true);
      continue;
    }
    if (absl::Status status = Report(); !status.ok()) return status;
    absl::MutexLock lock(&mutex_);
    if (DueModel() == answering) return absl::OkStatus();
  }
}

absl::Status ModelFollower::Follow() {
  if (absl::Status status = Report(); !status.ok()) return status;
  OnReady tell;
  absl::Status ready;
  bool work = false;
  {
    absl::MutexLock lock(&mutex_);
    const ModelDigest due = DueModel();
    const bool follows = active_.Get()->embedder->digest() == due;
    const Held* held = Find(due);
    if (!follows && held != nullptr && !held->generation.ok()) ready = WhatToDo(due, held->generation.status());
    // One that is on its way is as good as ready: it answers by the model before, with which everybody is enrolled.
    if (!told_.has_value() || told_->ok() != ready.ok()) {
      told_ = ready;
      tell = on_ready_;
    }
    work = !follows || !MissingModels().empty() || servers_.orphaned;
    if (work && !working_ && !stopping_ && (ready.ok() || !MissingModels().empty())) {
      if (worker_.joinable()) worker_.join();
      working_ = true;
      worker_ = std::thread([this] {
        if (RunGuarded(ThreadKind::kActivation, [this] { Work(); }).ok()) return;
        absl::MutexLock lock(&mutex_);
        working_ = false;  // a later round tries again
      });
    }
  }
  if (tell) tell(ready);
  if (!ready.ok()) return ready;
  return work ? MakeError(Reason::ACTIVATION_RUNNING, "") : absl::OkStatus();
}

void ModelFollower::Work() {
  bool orphaned = false;
  while (true) {
    std::vector<ModelDigest> missing;
    std::optional<Generation> due;
    {
      absl::MutexLock lock(&mutex_);
      missing = MissingModels();
      const Held* held = Find(DueModel());
      if (held != nullptr && held->generation.ok()) due = *held->generation;
      orphaned = servers_.orphaned;
      if (stopping_) break;
    }
    if (due.has_value()) {
      AnswerBy(*due, /*if_due=*/true);
      continue;
    }
    if (missing.empty()) break;
    absl::StatusOr<Generation> loaded = Load(missing.front());
    if (!loaded.ok()) {
      Log(LogLevel::kWarning, "model_not_loaded",
          {{"digest", missing.front().Hex()}, {"message", std::string(loaded.status().message())}});
    }
    {
      absl::MutexLock lock(&mutex_);
      Put(missing.front(), std::move(loaded));
      Arrange();
    }
    // That it is prepared, or lacks it.
    if (!Report().ok()) break;
  }
  if (orphaned && resume_) resume_();
  absl::MutexLock lock(&mutex_);
  working_ = false;
}

void ModelFollower::Prepare(const Generation& next) {
  absl::MutexLock lock(&mutex_);
  pinned_ = next.embedder->digest();
  Put(*pinned_, next);
  Arrange();
}

void ModelFollower::Abandon() {
  absl::MutexLock lock(&mutex_);
  pinned_.reset();
  Arrange();
}

void ModelFollower::Answer(const Generation& next) { AnswerBy(next, /*if_due=*/false); }

void ModelFollower::AnswerBy(const Generation& next, bool if_due) {
  {
    absl::MutexLock lock(&mutex_);
    const ModelDigest& model = next.embedder->digest();
    if (if_due && !(DueModel() == model)) return;  // another one was chosen meanwhile
    // Known before the next report says so: nobody is to go back to the model before.
    servers_.choice.active = model;
    const std::shared_ptr<const Generation> before = active_.Get();
    if (before->embedder->digest() == model) return;
    if (!active_.Replace(next, [] { return absl::OkStatus(); }).ok()) return;
    ++switches_;
    // Others may answer by it still: until the next round says who does.
    Put(before->embedder->digest(), *before);
    pinned_ = before->embedder->digest();
    Arrange();
    pinned_.reset();
  }
  on_active_(next);
  if (absl::Status status = Report(); !status.ok()) {
    Log(LogLevel::kWarning, "server_not_reported", {{"message", std::string(status.message())}});
  }
}

}  // namespace likeness
