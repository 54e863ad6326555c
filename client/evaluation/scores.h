// How well a server tells the pairs of a list apart.
#ifndef LIKENESS_CLIENT_EVALUATION_SCORES_H_
#define LIKENESS_CLIENT_EVALUATION_SCORES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluation/embed_photos.h"
#include "client/evaluation/pairs_file.h"
#include "likeness/v1/types.pb.h"
#include "server/verification/accuracy.h"

namespace likeness {

// A photo that could not be embedded.
struct FailedPhoto {
  std::string photo;
  // The server's reason, or the name of the status code where there is none.
  std::string reason;
};

// The rates at the threshold whose false accept rate is `target`; without rates where they could not be measured.
struct TargetRates {
  double target = 0;
  std::optional<OperatingPointRates> rates;
};

// The scores of a server on a list of pairs.
//
// A failed photo never improves a score. For the accuracies each of its pairs counts as decided wrongly, at every
// threshold. For EER, AUC and TAR its genuine pairs count as never verified (distance +infinity), so TAR and EER
// include failures to acquire, as the false reject rate of ISO/IEC 19795-1 does; its impostor pairs are left out, so
// that FAR is measured on comparisons that were made: counting them as right rejections would lower FAR, and so raise
// TAR, by failing.
struct Scores {
  v1::Model model;
  // The server's own.
  v1::Threshold threshold;

  int64_t genuine_pairs = 0;
  int64_t impostor_pairs = 0;
  int64_t failed_genuine_pairs = 0;
  int64_t failed_impostor_pairs = 0;
  int64_t photos = 0;
  std::vector<FailedPhoto> failed_photos;

  // Absent where the list has no folds.
  std::optional<CrossValidatedAccuracy> cross_validated;
  ThresholdAccuracy best;
  ThresholdAccuracy at_server_threshold;
  // Absent where all pairs of a kind failed.
  std::optional<double> equal_error_rate;
  std::optional<double> area_under_roc;
  // At FAR 1e-2 and 1e-3.
  std::vector<TargetRates> tar;
};

// Scores the pairs of `folds`, each photo of which has an entry in `embeddings`. FAILED_PRECONDITION where no photo
// could be embedded; ABORTED where the server changed its model in between, since embeddings of different models have
// no distance.
absl::StatusOr<Scores> ScorePairs(const PairFolds& folds, const PhotoEmbeddings& embeddings);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_SCORES_H_
