// Embeds the faces of a training, and tells how far it is.
#ifndef LIKENESS_SERVER_TRAININGS_EMBED_FACES_H_
#define LIKENESS_SERVER_TRAININGS_EMBED_FACES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "likeness/v1/training_service.pb.h"
#include "server/embedding/embedder.h"
#include "server/image/picture.h"
#include "server/trainings/taught_model.h"

namespace likeness {

// An embedding for each crop, in order. The record's progress counts the crops from 0, and `on_change` hears of it
// after every few of them, so that a cancellation waits for no more. Errors of the network and of `on_change`.
absl::StatusOr<std::vector<std::vector<float>>> EmbedFaces(const Embedder& embedder,
                                                           absl::Span<const Picture* const> crops, v1::Training& record,
                                                           OnChange on_change);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_EMBED_FACES_H_
