// What a caller asks of a training: checked, and completed where the caller left something open.
#ifndef LIKENESS_SERVER_TRAININGS_TRAINING_CONFIG_H_
#define LIKENESS_SERVER_TRAININGS_TRAINING_CONFIG_H_

#include "absl/status/statusor.h"
#include "likeness/v1/training_service.pb.h"
#include "server/embedding/bundle.h"
#include "server/training/promotion.h"
#include "server/training/trainer.h"

namespace likeness {

// Every field set but `pairs_per_epoch`, which goes by the number of photos. FIELD_INVALID naming the field that is out
// of its range. `base` is the manifest of the model to begin with.
absl::StatusOr<v1::TrainingConfig> CompleteConfig(v1::TrainingConfig config, const BundleManifest& base);

// Of a completed configuration.
TrainerOptions TrainerOptionsOf(const v1::TrainingConfig& config, int threads);
PromotionRule PromotionRuleOf(const v1::TrainingConfig& config);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TRAINING_CONFIG_H_
