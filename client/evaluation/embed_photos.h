// Embedding many photos with several calls in flight.
#ifndef LIKENESS_CLIENT_EVALUATION_EMBED_PHOTOS_H_
#define LIKENESS_CLIENT_EVALUATION_EMBED_PHOTOS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "likeness/v1/face_verification_service.pb.h"

namespace likeness {

// What became of each photo, by path.
using PhotoEmbeddings = std::map<std::string, absl::StatusOr<v1::EmbedResponse>>;

// Calls `embed` once for each of `photos` from `jobs` (1 or more) threads at a time, and `on_photo_done` after each.
// Both must be thread-safe.
PhotoEmbeddings EmbedPhotos(const std::vector<std::string>& photos, int jobs,
                            const std::function<absl::StatusOr<v1::EmbedResponse>(const std::string&)>& embed,
                            const std::function<void()>& on_photo_done);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_EMBED_PHOTOS_H_
