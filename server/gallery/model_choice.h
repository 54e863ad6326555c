// Which model answers, and how another one takes its place: one state of the whole gallery, changed in its transactions
// alone, by the table below.
//
//                 kSettled          kEmbedding         kFollowing
//   kBeginActive  already active    another one runs   already active
//   kBeginTarget  superseded        already begun      superseded
//   kBeginOther   → kEmbedding      another one runs   → kEmbedding
//   kSwitch       superseded        → kFollowing       superseded
//   kEnd          superseded        → kFollowing       superseded
//   kStale        superseded        superseded         superseded
//   kLags         → kFollowing      stays              stays
//   kAllFollow    stays             stays              → kSettled
#ifndef LIKENESS_SERVER_GALLERY_MODEL_CHOICE_H_
#define LIKENESS_SERVER_GALLERY_MODEL_CHOICE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/verification/embedding.h"

namespace likeness {

enum class ModelStage : int64_t {
  kSettled = 0,    // every server answers by the active model
  kEmbedding = 1,  // an activation embeds the gallery by the target; the active model answers
  kFollowing = 2,  // a server may still answer by another model than the active one
};

struct ModelChoice {
  std::optional<ModelDigest> active = {};  // none: the one that each server was started with
  std::optional<ModelDigest> target = {};  // in kEmbedding only
  bool leave_behind = false;               // of the activation: go on although references cannot be embedded anew
  ModelStage stage = ModelStage::kSettled;
  std::string operation = {};  // the activation's, in kEmbedding only
  int64_t version = 0;         // one higher with each change
};

enum class ModelEvent {
  kBeginActive,  // an activation is asked for: of the active model,
  kBeginTarget,  // of the target,
  kBeginOther,   // of another model
  kSwitch,       // the activation that runs has embedded everybody
  kEnd,          // it has failed or was cancelled
  kStale,        // either of an activation that is not the one that runs
  kLags,         // a live server answers by another model than the active one
  kAllFollow,    // none does
};

enum class ModelRefusal { kNone, kAlreadyActive, kAlreadyBegun, kAnotherRuns, kSuperseded };

struct ModelTransition {
  ModelStage next;  // the stage before, where it is refused
  ModelRefusal refusal = ModelRefusal::kNone;

  friend bool operator==(const ModelTransition&, const ModelTransition&) = default;
};

// The table's cell.
ModelTransition TransitionFor(ModelStage stage, ModelEvent event);

// Which event it is to ask for an activation of `model`, on a server that was started with `base`.
ModelEvent BeginEventOf(const ModelChoice& choice, const ModelDigest& model, const ModelDigest& base);
// `event`, kSwitch or kEnd, of this operation.
ModelEvent OwnEventOf(const ModelChoice& choice, absl::string_view operation, ModelEvent event);

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_MODEL_CHOICE_H_
