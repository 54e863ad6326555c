#include "client/evaluation/measured_pairs.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "client/client.h"
#include "server/verification/decision.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Fills in what the responses say about model and photos.
absl::Status ReadResponses(const PhotoEmbeddings& embeddings, MeasuredPairs& measured) {
  const v1::EmbedResponse* first = nullptr;
  const absl::Status* failure = nullptr;
  for (const auto& [photo, embedding] : embeddings) {
    if (!embedding.ok()) {
      measured.failed_photos.push_back({photo, ErrorNameOf(embedding.status())});
      if (failure == nullptr) failure = &embedding.status();
      continue;
    }
    if (first == nullptr) first = &*embedding;
    if (embedding->model().digest() != first->model().digest() ||
        embedding->embedding_size() != first->embedding_size() || embedding->has_crowding() != first->has_crowding()) {
      return absl::AbortedError("the server changed its model during the evaluation");
    }
  }
  if (first == nullptr) {
    return absl::FailedPreconditionError(
        failure == nullptr
            ? std::string("the list names no photo")
            : absl::StrCat("none of ", embeddings.size(),
                           " photos could be embedded; the first: ", ErrorNameOf(*failure), ": ", failure->message()));
  }
  measured.model = first->model();
  measured.threshold = first->threshold();
  measured.crowding_cap = first->threshold().crowding_cap();
  if (first->has_calibration()) measured.calibration = first->calibration();
  return absl::OkStatus();
}

// Of each photo its embedding; empty where it failed.
using Embeddings = std::vector<absl::Span<const float>>;

std::optional<PairCrowding> CrowdingOf(const MeasuredPairs& measured, uint32_t a, uint32_t b) {
  if (measured.crowding.empty()) return std::nullopt;
  return PairCrowding{measured.crowding[a], measured.crowding[b], measured.crowding_cap};
}

PeoplePair MeasurePair(const Embeddings& embeddings, const Comparisons& comparisons, const MeasuredPairs& measured,
                       uint32_t a, uint32_t b) {
  PeoplePair pair{.person_a = comparisons.photos[a].person, .person_b = comparisons.photos[b].person};
  if (embeddings[a].empty() || embeddings[b].empty()) {
    pair.distance = pair.genuine() ? kInfinity : -kInfinity;
  } else {
    pair.distance = NormalizedDistance(EuclideanDistance(embeddings[a], embeddings[b]), CrowdingOf(measured, a, b));
  }
  return pair;
}

// Every pair of the range, some rows at a time: a photo's embedding is then fetched from memory once for all of them.
void MeasureEveryPair(const Embeddings& embeddings, const Comparisons& comparisons, const PhotoRange& range,
                      MeasuredPairs& measured) {
  constexpr size_t kRows = 32;
  const size_t photos = range.end - range.begin;
  std::vector<PeoplePair>& pairs = measured.pairs.pairs;
  const size_t before = pairs.size();
  pairs.resize(before + (photos < 2 ? 0 : photos * (photos - 1) / 2));
  for (size_t begin = 0; begin < photos; begin += kRows) {
    const size_t end = std::min(begin + kRows, photos);
    for (size_t b = begin + 1; b < photos; ++b) {
      for (size_t a = begin; a < std::min(end, b); ++a) {
        const size_t before_row = before + a * (2 * photos - a - 1) / 2;
        pairs[before_row + b - a - 1] =
            MeasurePair(embeddings, comparisons, measured, static_cast<uint32_t>(range.begin + a),
                        static_cast<uint32_t>(range.begin + b));
      }
    }
  }
}

}  // namespace

std::optional<double> BaseDistance(const v1::Threshold& threshold) {
  if (threshold.source() == v1::THRESHOLD_SOURCE_NOT_MEASURED) return std::nullopt;
  // A server from before there were cohorts has one distance only.
  return threshold.base_distance() > 0 ? threshold.base_distance() : threshold.distance();
}

double PlainDistance(const MeasuredPairs& measured, uint32_t a, uint32_t b, double normalized_distance) {
  const std::optional<PairCrowding> crowding = CrowdingOf(measured, a, b);
  return crowding.has_value() ? normalized_distance - Tightening(*crowding) : normalized_distance;
}

absl::StatusOr<MeasuredPairs> MeasurePairs(const Comparisons& comparisons, const PhotoEmbeddings& embeddings) {
  MeasuredPairs measured;
  if (absl::Status status = ReadResponses(embeddings, measured); !status.ok()) return status;
  Embeddings by_photo;
  bool all_have_quality = true;
  bool has_cohort = false;
  for (const KnownPhoto& photo : comparisons.photos) {
    const absl::StatusOr<v1::EmbedResponse>& response = embeddings.at(photo.path);
    by_photo.push_back(response.ok() ? absl::Span<const float>(response->embedding()) : absl::Span<const float>());
    measured.quality.push_back(response.ok() ? response->face().quality().score() : 0);
    measured.crowding.push_back(response.ok() ? response->crowding() : measured.crowding_cap);
    has_cohort |= response.ok() && response->has_crowding();
    all_have_quality &= !response.ok() || response->face().has_quality();
  }
  if (!all_have_quality) measured.quality.clear();
  if (!has_cohort) measured.crowding.clear();
  measured.pairs.people = comparisons.people;
  if (comparisons.every_pair) {
    for (const PhotoRange& range : ComparedRanges(comparisons)) {
      MeasureEveryPair(by_photo, comparisons, range, measured);
    }
  } else {
    for (const Comparison& listed : comparisons.listed) {
      measured.pairs.pairs.push_back(MeasurePair(by_photo, comparisons, measured, listed.a, listed.b));
    }
  }
  return measured;
}

}  // namespace likeness
