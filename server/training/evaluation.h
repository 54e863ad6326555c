// How well a model tells strangers apart: people that it was not trained on.
//
//   absl::StatusOr<Evaluation> evaluation = Evaluate(embeddings, people, {.margin = 2, .target_false_match_rates =
//   {0.01}});
//
// Terms follow ISO/IEC 19795-1, as in server/verification/accuracy.h.
#ifndef LIKENESS_SERVER_TRAINING_EVALUATION_H_
#define LIKENESS_SERVER_TRAINING_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/bundle_measurements.h"
#include "server/statistics/figures.h"
#include "server/verification/cohort.h"

namespace likeness {

struct EvaluationOptions {
  double margin = 0;                             // the training's, > 0: a histogram's bin is a hundredth of it
  std::vector<double> target_false_match_rates;  // above 0 and below 1
  uint64_t seed = 0;                             // what people are resampled from
  std::string source = {};                       // what the photos are, for the bundle
  const Cohort* cohort = nullptr;                // the model's, by which distances are normalized; or none
};

// A pair to look at: numbers into the embeddings.
struct PairExample {
  size_t a = 0;
  size_t b = 0;
  bool genuine = false;
  double distance = 0;
};

// Distances are normalized (server/verification/decision.h) where the model has a cohort, but for those of the
// examples. A figure that the pairs cannot show is absent: equal error rate and area without genuine or without
// impostor pairs, rates also where there are fewer impostor pairs than 1 / target or no distance above 0 keeps to it.
struct Evaluation {
  int64_t genuine_pairs = 0;
  int64_t impostor_pairs = 0;
  std::optional<double> equal_error_rate;  // 0 to 1
  std::optional<double> area_under_roc;    // 0 to 1
  std::vector<TargetFigures> rates;        // in the order of the targets
  // For the bundle of a model that was trained; without points and calibration where the pairs cannot show them.
  BundleMeasurements measurements;
  // Distances counted in bins of `bin_width` from 0. Both have the same number of bins, at most 512; where it is 512
  // the last bin holds all beyond.
  std::vector<int64_t> genuine_histogram;
  std::vector<int64_t> impostor_histogram;
  double bin_width = 0;
  // At most eight genuine pairs and eight impostor pairs, chosen by the people's order alone: the same for every model.
  std::vector<PairExample> examples;
};

// Compares every photo with every other. `embeddings[i]` is of a photo of `people[i]`, any number, equal for the same
// person; there may be few or none. NETWORK_FAILED where a distance is not a number; INTERNAL where the sizes differ.
//
// Intervals are those of server/statistics/figures.h, which hold the rate itself, so that a model is never worse than
// itself. Pure, thread-safe; time and memory go by the square of the photos, 24 bytes a pair.
absl::StatusOr<Evaluation> Evaluate(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                    const EvaluationOptions& options);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_EVALUATION_H_
