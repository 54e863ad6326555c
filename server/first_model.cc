#include "server/first_model.h"

#include "absl/strings/str_cat.h"
#include "server/models/model_for_use.h"
#include "server/models/model_gap.h"

namespace likeness {

absl::StatusOr<Generation> LoadFirstModel(const ModelFolder& folder, Gallery& gallery, ModelLoader& loader,
                                          const VerifiedBundle& base) {
  const absl::StatusOr<ModelChoice> choice = gallery.coordination().ReadModelChoice();
  if (!choice.ok()) return choice.status();
  if (!choice->active.has_value()) return loader.Load(base);
  const absl::StatusOr<VerifiedModel> model = ReadModelForUse(folder, gallery, *choice->active);
  if (!model.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the active model ", choice->active->Hex(), " cannot be loaded: ", model.status().message()));
  }
  return loader.Load(model->bundle);
}

absl::Status RequireEverybodyEmbedded(Gallery& gallery, const Generation& generation) {
  const ModelDigest& model = generation.embedder->digest();
  const absl::StatusOr<ModelGap> gap = gallery.GapOf(model);
  if (!gap.ok()) return gap.status();
  if (gap->persons == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("--require-active-model: ", Describe(*gap, model)));
}

}  // namespace likeness
