// What trainings need networks for; a test brings its own.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_WORK_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_WORK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "likeness/v1/training_service.pb.h"
#include "server/errors/still_wanted.h"
#include "server/image/picture.h"
#include "server/trainings/taught_model.h"
#include "server/trainings/training_faces.h"

namespace likeness {

// Used by one thread at a time for Run(), and by another for the rest.
class TrainingWork {
 public:
  virtual ~TrainingWork() = default;

  // `base_model` is the digest of a model that may be run, or the name of a bundle in the bundles folder. Reads its
  // file, once. MODEL_NOT_FOUND, MODEL_CORRUPT, MODEL_NOT_ALLOWED, and the store's errors.
  virtual absl::StatusOr<BaseModel> FindBase(const std::string& base_model) = 0;

  // The crop of a photo's largest face, as a model takes it; the errors of FaceEncoder::Crop().
  virtual absl::StatusOr<Picture> Crop(const BundleManifest& model, absl::string_view photo,
                                       StillWanted still_wanted) = 0;

  // How many bytes a training of the whole network takes at most, beside its faces.
  virtual absl::StatusOr<int64_t> MeasureMemory(const BaseModel& base, const v1::TrainingConfig& config) = 0;

  // Trains `record` on `faces` from `base`, evaluates, adds the model, and activates it where the promotion rule says
  // so. Whatever happens is written into the record, and `on_change` hears of it; `durable` tells that it should
  // survive a restart. An error of `on_change` ends the run and is returned. Goes on from what an earlier run left in
  // `folder` and in the record. SHUTTING_DOWN: it is to go on after the next start.
  virtual absl::Status Run(const BaseModel& base, const std::string& folder, std::vector<TrainingFace> faces,
                           v1::Training& record, OnChange on_change) = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_WORK_H_
