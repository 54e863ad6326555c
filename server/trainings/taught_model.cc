#include "server/trainings/taught_model.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace likeness {

Sides Divide(const std::vector<TrainingFace>& faces) {
  Sides sides;
  for (const TrainingFace& face : faces) {
    Side& side = face.stranger ? sides.strangers : sides.trained_on;
    side.crops.push_back(face.crop);
    side.embeddings.push_back(face.embedding);
    side.people.push_back(face.person);
    side.photos.push_back(face.photo_index);
  }
  return sides;
}

nlohmann::ordered_json ManifestOf(const BaseModel& base, const v1::Training& record,
                                  const BundleMeasurements& measurements) {
  const v1::TrainingConfig& config = record.config();
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(base.manifest_json);
  manifest["name"] = config.name();
  manifest["version"] = "1.0.0";
  manifest.erase("head");  // of the base: it is not that of this network any more
  WriteMeasurements(measurements, manifest);
  const nlohmann::ordered_json before = manifest.value("provenance", nlohmann::ordered_json::object());
  manifest["provenance"] = {{"source", absl::StrCat("trained by likeness from ", base.manifest.name)},
                            {"license", before.value("license", "unknown")},
                            {"base", before},
                            {"base_model", config.base_model()},
                            {"training_id", record.training_id()},
                            {"people", record.data().people()},
                            {"photos", record.data().accepted_photos()},
                            {"seed", config.seed()}};
  return manifest;
}

absl::StatusOr<std::optional<Evaluation>> EvaluateStrangers(const std::vector<std::vector<float>>& embeddings,
                                                            const std::vector<int>& people, const v1::Training& record,
                                                            double target_fmr, const Cohort* cohort) {
  if (embeddings.empty()) return std::nullopt;
  const std::set<double> targets = {0.001, 0.01, target_fmr};
  absl::StatusOr<Evaluation> evaluation =
      Evaluate(embeddings, people,
               {.margin = record.config().margin(),
                .target_false_match_rates = {targets.begin(), targets.end()},
                .seed = record.config().seed(),
                .source = absl::StrCat("strangers of training ", record.training_id()),
                .cohort = cohort});
  if (!evaluation.ok()) return evaluation.status();
  return *std::move(evaluation);
}

v1::Evaluation ToProto(const Evaluation& evaluation, const std::vector<int>& photo_indices) {
  v1::Evaluation proto;
  proto.set_genuine_pairs(evaluation.genuine_pairs);
  proto.set_impostor_pairs(evaluation.impostor_pairs);
  if (evaluation.equal_error_rate.has_value()) proto.set_equal_error_rate(*evaluation.equal_error_rate);
  if (evaluation.area_under_roc.has_value()) proto.set_area_under_roc(*evaluation.area_under_roc);
  for (const TargetFigures& figures : evaluation.rates) {
    v1::ErrorRates* added = proto.add_rates();
    added->set_target_false_match_rate(figures.target);
    added->set_false_match_rate(figures.rates.false_match_rate);
    added->set_false_non_match_rate(figures.rates.false_non_match_rate);
    added->set_false_non_match_rate_low(figures.false_non_match_rate.low);
    added->set_false_non_match_rate_high(figures.false_non_match_rate.high);
    added->set_distance(figures.rates.distance);
  }
  for (int64_t count : evaluation.genuine_histogram) proto.add_genuine_histogram(count);
  for (int64_t count : evaluation.impostor_histogram) proto.add_impostor_histogram(count);
  proto.set_bin_width(evaluation.bin_width);
  for (const PairExample& example : evaluation.examples) {
    v1::PairExample* added = proto.add_examples();
    added->set_photo_a(photo_indices[example.a]);
    added->set_photo_b(photo_indices[example.b]);
    added->set_genuine(example.genuine);
    added->set_distance(example.distance);
  }
  return proto;
}

}  // namespace likeness
