// The one way to a model that is to be run.
#ifndef LIKENESS_SERVER_MODELS_MODEL_FOR_USE_H_
#define LIKENESS_SERVER_MODELS_MODEL_FOR_USE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/gallery/gallery.h"
#include "server/models/model_folder.h"

namespace likeness {

// Whether the model may be run: it is the one that the server was started with, or the gallery allows it.
// MODEL_NOT_ALLOWED, and the store's errors. Thread-safe.
absl::Status CheckAllowed(const ModelFolder& folder, Gallery& gallery, const ModelDigest& model);

// Reads the model's file once, holds it against its seal and its digest, and asks whether it may be run. What is loaded
// is made of the bytes in the result: the file may be another one by then. Also the errors of ModelFolder::Read().
// Thread-safe.
absl::StatusOr<VerifiedModel> ReadModelForUse(const ModelFolder& folder, Gallery& gallery, const ModelDigest& model);

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_MODEL_FOR_USE_H_
