#include "server/gallery/model_choice.h"

namespace likeness {

ModelTransition TransitionFor(ModelStage stage, ModelEvent event) {
  const bool embedding = stage == ModelStage::kEmbedding;
  switch (event) {
    case ModelEvent::kBeginActive:
      return {stage, embedding ? ModelRefusal::kAnotherRuns : ModelRefusal::kAlreadyActive};
    case ModelEvent::kBeginTarget:
      return {stage, embedding ? ModelRefusal::kAlreadyBegun : ModelRefusal::kSuperseded};
    case ModelEvent::kBeginOther:
      if (embedding) return {stage, ModelRefusal::kAnotherRuns};
      return {ModelStage::kEmbedding};
    case ModelEvent::kSwitch:
    case ModelEvent::kEnd:
      if (embedding) return {ModelStage::kFollowing};
      return {stage, ModelRefusal::kSuperseded};
    case ModelEvent::kStale:
      return {stage, ModelRefusal::kSuperseded};
    case ModelEvent::kLags:
      return {embedding ? stage : ModelStage::kFollowing};
    case ModelEvent::kAllFollow:
      return {embedding ? stage : ModelStage::kSettled};
  }
  return {stage, ModelRefusal::kSuperseded};
}

ModelEvent BeginEventOf(const ModelChoice& choice, const ModelDigest& model, const ModelDigest& base) {
  if (choice.target == model) return ModelEvent::kBeginTarget;
  return choice.active.value_or(base) == model ? ModelEvent::kBeginActive : ModelEvent::kBeginOther;
}

ModelEvent OwnEventOf(const ModelChoice& choice, absl::string_view operation, ModelEvent event) {
  return choice.operation == operation && !operation.empty() ? event : ModelEvent::kStale;
}

}  // namespace likeness
