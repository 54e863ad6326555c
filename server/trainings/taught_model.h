// What a training has made, before it is decided what becomes of it.
#ifndef LIKENESS_SERVER_TRAININGS_TAUGHT_MODEL_H_
#define LIKENESS_SERVER_TRAININGS_TAUGHT_MODEL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "likeness/v1/training_service.pb.h"
#include "server/embedding/bundle.h"
#include "server/image/picture.h"
#include "server/inference/archive.h"
#include "server/models/generation.h"
#include "server/seal/verified_bundle.h"
#include "server/statistics/bundle_measurements.h"
#include "server/training/evaluation.h"
#include "server/training/promotion.h"
#include "server/trainings/training_faces.h"

namespace likeness {

// A model to begin with.
struct BaseModel {
  VerifiedBundle bundle;  // what is trained is made of these bytes, whatever becomes of the file
  ModelDigest digest;
  std::string manifest_json;
  BundleManifest manifest;
};

struct TaughtModel {
  std::string manifest;  // likeness.json
  std::string bundle;    // the bytes of the sealed file; empty where nothing was learned
  PromotionEvidence evidence;
};

// Hears of what is written into a record; its error ends a training. `durable` tells that it should survive a restart.
using OnChange = absl::FunctionRef<absl::Status(const v1::Training&, bool durable)>;

// A training's faces on their two sides.
struct Side {
  std::vector<Picture> crops;
  std::vector<std::vector<float>> embeddings;  // by the base
  std::vector<int> people;
  std::vector<int> photos;  // their numbers among the photos sent
};
struct Sides {
  Side trained_on;
  Side strangers;
};
Sides Divide(const std::vector<TrainingFace>& faces);

// The base's likeness.json with what the training changed.
nlohmann::ordered_json ManifestOf(const BaseModel& base, const v1::Training& record,
                                  const BundleMeasurements& measurements);

// Evaluates embeddings of strangers for the report; nothing where there are none.
absl::StatusOr<std::optional<Evaluation>> EvaluateStrangers(const std::vector<std::vector<float>>& embeddings,
                                                            const std::vector<int>& people, const v1::Training& record,
                                                            double target_fmr, const Cohort* cohort);
v1::Evaluation ToProto(const Evaluation& evaluation, const std::vector<int>& photo_indices);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_TAUGHT_MODEL_H_
