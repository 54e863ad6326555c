// From the photos of an evaluation to the distances between them, normalized as the server's decisions are.
#ifndef LIKENESS_CLIENT_EVALUATION_MEASURED_PAIRS_H_
#define LIKENESS_CLIENT_EVALUATION_MEASURED_PAIRS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/embed_photos.h"
#include "likeness/v1/types.pb.h"
#include "server/statistics/people_pairs.h"

namespace likeness {

// A photo that could not be embedded.
struct FailedPhoto {
  std::string photo;
  // The server's reason, or the name of the status code where there is none.
  std::string reason;
};

struct MeasuredPairs {
  v1::Model model;
  v1::Threshold threshold;                     // the server's own
  std::optional<v1::Calibration> calibration;  // the model's
  // In the order of the comparisons, with normalized distances (server/verification/decision.h): these are held against
  // BaseDistance(threshold). A pair with a failed photo lies at +infinity where it is genuine and at −infinity
  // where it is not: decided wrongly at every threshold.
  PeoplePairs pairs;
  std::vector<FailedPhoto> failed_photos;  // in the order of their paths
  std::vector<double> quality;             // of each photo, 0 to 1; 0 where it failed; empty where one has none
  std::vector<double> crowding;  // of each photo; the cap where it failed; empty where the model has no cohort
  double crowding_cap = 0;
};

// The threshold of a pair whose faces lie alone, which normalized distances are held against; nothing where the server
// decides about none.
std::optional<double> BaseDistance(const v1::Threshold& threshold);

// The distance of one of the pairs, of photos `a` and `b`, as it is without normalization.
double PlainDistance(const MeasuredPairs& measured, uint32_t a, uint32_t b, double normalized_distance);

// Each photo must have an entry in `embeddings`. FAILED_PRECONDITION where no photo could be embedded; ABORTED where
// the server changed its model in between, since embeddings of different models have no distance. 10⁸ pairs of 192
// numbers take 10 s on one core.
absl::StatusOr<MeasuredPairs> MeasurePairs(const Comparisons& comparisons, const PhotoEmbeddings& embeddings);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_MEASURED_PAIRS_H_
