// The faces of a training, on their way from the caller to the trainer.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_FACES_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_FACES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/image/picture.h"

namespace likeness {

// A face that a training uses.
struct TrainingFace {
  int photo_index = 0;                // of its photo among those sent, from 0
  int person = 0;                     // people are numbered in the order of their labels
  bool stranger = false;              // held out: evaluated on, never trained on
  Picture crop;                       // all of one size
  std::vector<float> embedding = {};  // by the base model, once it was made; not in the file
};

// As one file, and back. DATA_LOSS when the file is damaged: it ends with its SHA-256.
std::string EncodeFaces(const std::vector<TrainingFace>& faces);
absl::StatusOr<std::vector<TrainingFace>> DecodeFaces(absl::string_view file);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_FACES_H_
