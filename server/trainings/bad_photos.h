// What was found wrong with a training's photos: in its record, and out of its faces.
#ifndef LIKENESS_SERVER_TRAININGS_BAD_PHOTOS_H_
#define LIKENESS_SERVER_TRAININGS_BAD_PHOTOS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "likeness/v1/training_service.pb.h"
#include "server/embedding/bundle.h"
#include "server/training/photo_check.h"
#include "server/trainings/training_faces.h"

namespace likeness {

// The faces without those that `findings` (numbers into `faces`) leave out. Writes the findings and who is left into
// `data`, in place of what a run before a restart wrote there. TRAINING_DATA_TOO_SMALL where nothing is left to train
// on.
absl::StatusOr<std::vector<TrainingFace>> LeaveOutBadPhotos(const std::vector<TrainingFace>& faces,
                                                            absl::Span<const PhotoFinding> findings,
                                                            v1::TrainingData& data);

// The same of what the base model finds (FindBadPhotos), whose embeddings the faces carry.
absl::StatusOr<std::vector<TrainingFace>> KeepGoodPhotos(const BundleManifest& base,
                                                         const std::vector<TrainingFace>& faces,
                                                         v1::TrainingData& data);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_BAD_PHOTOS_H_
