// Looks for the linear layer that a service should have: pure, from embeddings to a layer and what is known of it.
//
//   const absl::StatusOr<std::optional<FoundLayer>> found = FindLayer(search, [] { return absl::OkStatus(); });
#ifndef LIKENESS_SERVER_TRAINING_LAYER_SEARCH_H_
#define LIKENESS_SERVER_TRAINING_LAYER_SEARCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/embedding/bundle.h"
#include "server/statistics/bundle_measurements.h"
#include "server/training/head_fit.h"
#include "server/training/promotion.h"
#include "server/verification/decision.h"
#include "server/verification/linear_head.h"

namespace likeness {

// Faces, by the base that the layer goes behind and by the model that answers now; face i shows people[i].
struct LabelledFaces {
  std::vector<std::vector<float>> base;
  std::vector<std::vector<float>> active;
  std::vector<int> people;
};

// All must outlive the search.
struct LayerSearch {
  const BundleManifest& base;
  const BundleManifest& active;               // of the model that answers now
  const std::optional<Threshold>& threshold;  // that decides now
  double target_fmr = 1e-3;                   // that the service keeps to
  HeadMethod method = HeadMethod::kWccn;
  uint64_t seed = 0;
  const LabelledFaces& trained_on;
  const LabelledFaces& held_out;
  std::string source;             // what the faces are, for the bundle
  std::string incomparable = {};  // as in PromotionEvidence
};

struct FoundLayer {
  HeadChoice choice;
  LinearHead layer;
  BundleMeasurements measurements;
  PromotionEvidence evidence;
  double rejected_before = 1;  // shares of the genuine pairs of all who were left out, at the thresholds that decide
  double rejected_after = 1;
};

// Each choice of HeadChoices() is measured on the people held out, by the layer itself, and on those trained on, in
// cross-validation by layers that never saw them. What the base says of its errors is carried over
// (MeasurementCarrier); where it brings nothing along for that, the pairs of those left out are measured instead. Of
// the layers that PromotionRule::kIfNotWorse would promote the one that rejects the fewest of those left out is
// returned. Where there is none: the one that tells them apart best at rates of their own (HeadFitter::Choose), so that
// its price is seen; nothing where that is the network as it is. `go_on` is asked after each choice, and its error ends
// the search. Errors of HeadFitter, NETWORK_FAILED where a distance is not a number.
absl::StatusOr<std::optional<FoundLayer>> FindLayer(const LayerSearch& search, absl::FunctionRef<absl::Status()> go_on);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_LAYER_SEARCH_H_
