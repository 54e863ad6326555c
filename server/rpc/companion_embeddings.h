// A face's embeddings by the models beside the one that answers (server/models/generation.h).
#ifndef LIKENESS_SERVER_RPC_COMPANION_EMBEDDINGS_H_
#define LIKENESS_SERVER_RPC_COMPANION_EMBEDDINGS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/encoding/face_encoder.h"
#include "server/errors/still_wanted.h"
#include "server/models/generation.h"

namespace likeness {

// One for each companion, in their order: of `face`'s embedding where a multiplication will do, of its crop where the
// model takes such ones, else of `photo`. `embedder` is the model that embedded the face. NETWORK_FAILED, and the
// errors of `encoder`.
absl::StatusOr<std::vector<Embedding>> EmbedByCompanions(const FaceEncoder& encoder, const Companions& companions,
                                                         const Embedder& embedder, const EncodedFace& face,
                                                         absl::string_view photo, FacePolicy policy,
                                                         StillWanted still_wanted);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_COMPANION_EMBEDDINGS_H_
