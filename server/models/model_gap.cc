#include "server/models/model_gap.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/telemetry/log.h"
#include "server/threads/guarded.h"
#include "server/threads/polite_thread.h"

namespace likeness {

std::string Describe(const ModelGap& gap, const ModelDigest& model) {
  std::string text = absl::StrCat(gap.persons, gap.persons == 1 ? " person has" : " people have",
                                  " no embedding by the model that answers, ", model.Hex(),
                                  ", and cannot be verified (MODEL_MISMATCH)");
  if (gap.enrolled_by.has_value()) {
    absl::StrAppend(&text, ": the gallery has embeddings by ", gap.enrolled_by->Hex(),
                    ". Start the server with that bundle as --model, or put it into --models-folder and activate it "
                    "(`likeness models allow`, `likeness models activate`); from there, activate this one");
  }
  return absl::StrCat(text, ". Who has no kept crop has to be enrolled again");
}

ModelGapWatch::ModelGapWatch(Gallery& gallery, const ActiveGeneration& active, Metrics& metrics, Pace pace)
    : gallery_(gallery), active_(active), metrics_(metrics), pace_(pace), thread_([this] { Run(); }) {}

ModelGapWatch::~ModelGapWatch() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void ModelGapWatch::Run() {
  LowerThisThreadsPriority(Politeness::kLow);
  while (true) {
    RunGuarded(ThreadKind::kUpkeep, [this] { Look(); }).IgnoreError();
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pace_.looks)) return;
  }
}

bool ModelGapWatch::MayHaveChanged() const { return gallery_.shared() || gap_.references > 0; }

void ModelGapWatch::Look() {
  const ModelDigest model = active_.Get()->embedder->digest();
  const bool another = counted_for_ != model;
  const absl::Time now = absl::Now();
  if (!another && (now < next_count_ || !MayHaveChanged())) return;
  if (another && now < next_count_ && !counted_for_.has_value()) return;  // it failed
  next_count_ = now + pace_.counts;
  const absl::StatusOr<ModelGap> gap = gallery_.GapOf(model);
  if (!gap.ok()) {
    Log(LogLevel::kWarning, "model_gap_not_counted", {{"message", std::string(gap.status().message())}});
    counted_for_ = std::nullopt;
    return;
  }
  counted_for_ = model;
  gap_ = *gap;
  metrics_.SetModelGap(gap_.persons, gap_.references);
  if (!another || gap_.persons == 0) return;
  Log(LogLevel::kWarning, "persons_without_embedding",
      {{"digest", model.Hex()},
       {"persons", gap_.persons},
       {"references", gap_.references},
       {"enrolled_by", gap_.enrolled_by.has_value() ? nlohmann::ordered_json(gap_.enrolled_by->Hex()) : nullptr},
       {"message", Describe(gap_, model)}});
}

}  // namespace likeness
