#include "client/evaluation/scores.h"

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTargets[] = {1e-2, 1e-3};

// Fills in what the scores say about photos and model.
absl::Status ScorePhotos(const PhotoEmbeddings& embeddings, Scores& scores) {
  const v1::EmbedResponse* first = nullptr;
  const absl::Status* failure = nullptr;
  for (const auto& [photo, embedding] : embeddings) {
    ++scores.photos;
    if (!embedding.ok()) {
      scores.failed_photos.push_back({photo, ErrorNameOf(embedding.status())});
      if (failure == nullptr) failure = &embedding.status();
      continue;
    }
    if (first == nullptr) first = &*embedding;
    if (embedding->model().digest() != first->model().digest() ||
        embedding->embedding_size() != first->embedding_size()) {
      return absl::AbortedError("the server changed its model during the evaluation");
    }
  }
  if (first == nullptr) {
    return absl::FailedPreconditionError(
        failure == nullptr
            ? std::string("the list names no photo")
            : absl::StrCat("none of ", scores.photos, " photos could be embedded; the first: ", ErrorNameOf(*failure),
                           ": ", failure->message()));
  }
  scores.model = first->model();
  scores.threshold = first->threshold();
  return absl::OkStatus();
}

// Distances of the same pairs, with the two ways to count failed ones.
struct Distances {
  std::vector<std::vector<LabelledDistance>> folds;
  PairDistances pairs;
};

Distances MeasureDistances(const PairFolds& folds, const PhotoEmbeddings& embeddings, Scores& scores) {
  Distances distances;
  for (const std::vector<PhotoPair>& fold : folds) {
    std::vector<LabelledDistance>& labelled = distances.folds.emplace_back();
    for (const PhotoPair& pair : fold) {
      const absl::StatusOr<v1::EmbedResponse>& a = embeddings.at(pair.photo_a);
      const absl::StatusOr<v1::EmbedResponse>& b = embeddings.at(pair.photo_b);
      const bool failed = !a.ok() || !b.ok();
      double distance = pair.genuine ? kInfinity : -kInfinity;  // wrong at every threshold
      if (!failed) distance = EuclideanDistance(a->embedding(), b->embedding());
      labelled.push_back({distance, pair.genuine});
      if (pair.genuine || !failed) {
        (pair.genuine ? distances.pairs.genuine : distances.pairs.impostor).push_back(distance);
      }
      ++(pair.genuine ? scores.genuine_pairs : scores.impostor_pairs);
      if (failed) ++(pair.genuine ? scores.failed_genuine_pairs : scores.failed_impostor_pairs);
    }
  }
  return distances;
}

absl::Status ScoreAccuracy(const std::vector<std::vector<LabelledDistance>>& folds, Scores& scores) {
  std::vector<LabelledDistance> all;
  for (const std::vector<LabelledDistance>& fold : folds) all.insert(all.end(), fold.begin(), fold.end());
  const absl::StatusOr<ThresholdAccuracy> best = BestAccuracy(all);
  if (!best.ok()) return best.status();
  const absl::StatusOr<ThresholdAccuracy> at_server_threshold = AccuracyAt(all, scores.threshold.distance());
  if (!at_server_threshold.ok()) return at_server_threshold.status();
  scores.best = *best;
  scores.at_server_threshold = *at_server_threshold;
  if (folds.size() < 2) return absl::OkStatus();
  absl::StatusOr<CrossValidatedAccuracy> cross_validated = CrossValidateAccuracy(folds);
  if (cross_validated.ok()) scores.cross_validated = *std::move(cross_validated);
  return cross_validated.status();
}

template <typename T>
std::optional<T> Optional(const absl::StatusOr<T>& value) {
  return value.ok() ? std::optional<T>(*value) : std::nullopt;
}

}  // namespace

absl::StatusOr<Scores> ScorePairs(const PairFolds& folds, const PhotoEmbeddings& embeddings) {
  Scores scores;
  if (absl::Status status = ScorePhotos(embeddings, scores); !status.ok()) return status;
  const Distances distances = MeasureDistances(folds, embeddings, scores);
  if (absl::Status status = ScoreAccuracy(distances.folds, scores); !status.ok()) return status;
  scores.equal_error_rate = Optional(EqualErrorRate(distances.pairs));
  scores.area_under_roc = Optional(AreaUnderRoc(distances.pairs));
  for (double target : kTargets) {
    scores.tar.push_back({target, Optional(RatesAtFalseMatchRate(distances.pairs, target))});
  }
  return scores;
}

}  // namespace likeness
