#include "server/models/model_for_use.h"

#include "server/errors/errors.h"

namespace likeness {

absl::Status CheckAllowed(const ModelFolder& folder, Gallery& gallery, const ModelDigest& model) {
  if (model == folder.base().digest) return absl::OkStatus();
  const absl::StatusOr<bool> allowed = gallery.IsModelAllowed(model);
  if (!allowed.ok()) return allowed.status();
  if (*allowed) return absl::OkStatus();
  return MakeError(
      Reason::MODEL_NOT_ALLOWED,
      "the model was not trained with this gallery, and nobody has allowed it; `likeness models allow` does");
}

absl::StatusOr<VerifiedModel> ReadModelForUse(const ModelFolder& folder, Gallery& gallery, const ModelDigest& model) {
  absl::StatusOr<VerifiedModel> read = folder.Read(model);
  if (!read.ok()) return read;
  if (absl::Status status = CheckAllowed(folder, gallery, model); !status.ok()) return status;
  return read;
}

}  // namespace likeness
