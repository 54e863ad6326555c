// The model that answers first after a start.
#ifndef LIKENESS_SERVER_FIRST_MODEL_H_
#define LIKENESS_SERVER_FIRST_MODEL_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/gallery/gallery.h"
#include "server/model_loader.h"
#include "server/models/generation.h"
#include "server/models/model_folder.h"

namespace likeness {

// The model that answered before the last end of the server, where it may still be run; or `base`, the bundle that
// --model names, as it was read. FAILED_PRECONDITION, naming the model, where it is not what its digest says, or not
// allowed.
absl::StatusOr<Generation> LoadFirstModel(const ModelFolder& folder, Gallery& gallery, ModelLoader& loader,
                                          const VerifiedBundle& base);

// FAILED_PRECONDITION where somebody is enrolled who cannot be verified by the model, saying how many and what to do
// (--require-active-model); the store's errors.
absl::Status RequireEverybodyEmbedded(Gallery& gallery, const Generation& generation);

}  // namespace likeness

#endif  // LIKENESS_SERVER_FIRST_MODEL_H_
