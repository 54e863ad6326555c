// One training, from its faces to a model that answers or does not.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "likeness/v1/training_service.pb.h"
#include "server/encoding/face_encoder.h"
#include "server/inference/device.h"
#include "server/models/activation.h"
#include "server/models/model_folder.h"
#include "server/trainings/training_work.h"

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
};

// As TrainingWork::FindBase().
absl::StatusOr<BaseModel> FindBaseModel(const TrainingSurroundings& surroundings, const std::string& base_model);

// With LibTorch.
class NetworkTraining : public TrainingWork {
 public:
  // All must outlive it.
  NetworkTraining(TrainingSurroundings surroundings, const FaceEncoder& encoder)
      : surroundings_(std::move(surroundings)), encoder_(encoder) {}

  absl::StatusOr<BaseModel> FindBase(const std::string& base_model) override {
    return FindBaseModel(surroundings_, base_model);
  }
  absl::StatusOr<Picture> Crop(const BundleManifest& model, absl::string_view photo, StillWanted still_wanted) override;
  absl::StatusOr<int64_t> MeasureMemory(const BaseModel& base, const v1::TrainingConfig& config) override;
  absl::Status Run(const BaseModel& base, const std::string& folder, std::vector<TrainingFace> faces,
                   v1::Training& record, OnChange on_change) override;

 private:
  const TrainingSurroundings surroundings_;
  const FaceEncoder& encoder_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_RUN_H_
