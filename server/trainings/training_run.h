// One training, from its faces to a model that answers or does not.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "likeness/v1/training_service.pb.h"
#include "server/inference/device.h"
#include "server/models/activation.h"
#include "server/models/model_folder.h"
#include "server/telemetry/metrics.h"
#include "server/trainings/taught_model.h"
#include "server/trainings/training_faces.h"

namespace likeness {

// What a training works with. All must outlive it.
struct TrainingSurroundings {
  ModelFolder& models;
  Activations& activations;
  const ActiveGeneration& active;
  double target_fmr = 1e-3;  // that the server keeps to
  Device device;
  int threads = 1;             // of the processor
  std::string bundles_folder;  // where bundles are looked for by name
  Metrics& metrics;
};

// `base_model` is the digest of a model that may be run, or the name of a bundle in the bundles folder. Reads its file,
// once. MODEL_NOT_FOUND, MODEL_CORRUPT, MODEL_NOT_ALLOWED, and the store's errors.
absl::StatusOr<BaseModel> FindBaseModel(const TrainingSurroundings& surroundings, const std::string& base_model);

// Trains `record` on `faces` from `base`, evaluates, adds the model, and activates it where the promotion rule says so.
// Whatever happens is written into the record, and `on_change` hears of it; `durable` tells that it should survive a
// restart. An error of `on_change` ends the run and is returned. Goes on from the checkpoint in `folder` where there is
// one.
absl::Status RunTraining(const TrainingSurroundings& surroundings, const BaseModel& base, const std::string& folder,
                         std::vector<TrainingFace> faces, v1::Training& record, OnChange on_change);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_
