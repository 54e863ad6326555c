#include "client/calibration/calibration.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "client/calibration/degraded_copies.h"
#include "server/statistics/people_pairs.h"
#include "server/statistics/seeded_random.h"
#include "server/statistics/synthetic_draw.h"
#include "server/verification/decision.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

// Null where the photo could not be embedded.
const v1::EmbedResponse* ResponseOf(const CalibrationData& data, size_t photo) {
  const absl::StatusOr<v1::EmbedResponse>& response = data.embeddings.at(data.comparisons.photos[photo].path);
  return response.ok() ? &*response : nullptr;
}

CohortFace FaceOf(const v1::EmbedResponse& response, uint32_t person, uint32_t group, bool degraded) {
  return {{response.embedding().begin(), response.embedding().end()}, person, group, degraded};
}

// What the cohort is made of, and which photo each face is from.
struct CohortFaces {
  std::vector<CohortFace> faces;
  std::vector<size_t> photos;  // of those that are not degraded, which come first
};

CohortFaces CollectFaces(const CalibrationData& data, const std::vector<PhotoRange>& groups) {
  CohortFaces collected;
  std::vector<uint32_t> group_of(data.comparisons.photos.size());
  for (uint32_t group = 0; group < groups.size(); ++group) {
    for (uint32_t photo = groups[group].begin; photo < groups[group].end; ++photo) {
      group_of[photo] = group;
      const v1::EmbedResponse* response = ResponseOf(data, photo);
      if (response == nullptr) continue;
      collected.faces.push_back(FaceOf(*response, data.comparisons.photos[photo].person, group, false));
      collected.photos.push_back(photo);
    }
  }
  for (size_t i = 0; i < data.copies.size(); ++i) {
    const size_t photo = data.copies[i].photo;
    if (!data.copy_embeddings[i].ok()) continue;
    collected.faces.push_back(
        FaceOf(*data.copy_embeddings[i], data.comparisons.photos[photo].person, group_of[photo], true));
  }
  return collected;
}

// As server/statistics/people_pairs.h wants pairs of photos that failed.
double DistanceOfFailed(bool genuine) {
  return genuine ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

// `crowding[i]` is of photo i; empty where there is no cohort.
PeoplePairs PairsOf(const CalibrationData& data, const PhotoRange& group, const std::vector<double>& crowding,
                    double cap) {
  PeoplePairs pairs{.pairs = {}, .people = data.comparisons.people};
  for (uint32_t a = group.begin; a < group.end; ++a) {
    const v1::EmbedResponse* face_a = ResponseOf(data, a);
    for (uint32_t b = a + 1; b < group.end; ++b) {
      const v1::EmbedResponse* face_b = ResponseOf(data, b);
      PeoplePair pair{0, data.comparisons.photos[a].person, data.comparisons.photos[b].person};
      if (face_a == nullptr || face_b == nullptr) {
        pair.distance = DistanceOfFailed(pair.genuine());
      } else {
        std::optional<PairCrowding> places;
        if (!crowding.empty()) places = PairCrowding{crowding[a], crowding[b], cap};
        pair.distance = NormalizedDistance(EuclideanDistance(face_a->embedding(), face_b->embedding()), places);
      }
      pairs.pairs.push_back(pair);
    }
  }
  return pairs;
}

}  // namespace

std::vector<DegradedCopy> ChooseCopies(const Comparisons& comparisons, const PhotoEmbeddings& embeddings,
                                       size_t of_a_kind, uint64_t seed) {
  std::vector<DegradedCopy> copies;
  for (const PhotoRange& group : ComparedRanges(comparisons)) {
    std::vector<size_t> usable;
    for (size_t photo = group.begin; photo < group.end; ++photo) {
      const absl::StatusOr<v1::EmbedResponse>& response = embeddings.at(comparisons.photos[photo].path);
      if (response.ok() && response->face().landmarks_size() > 0) usable.push_back(photo);
    }
    for (size_t kind = 0; kind < Degradations().size(); ++kind) {
      SeededRandom(seed, RandomPurpose::kCohort, kind).Shuffle(usable);
      for (size_t i = 0; i < std::min(of_a_kind, usable.size()); ++i)
        copies.push_back({usable[i], Degradations()[kind]});
    }
  }
  return copies;
}

absl::StatusOr<std::string> MakeCopy(const DegradedCopy& copy, absl::string_view photo, const v1::Face& face,
                                     uint64_t seed) {
  SeededRandom random(seed, RandomPurpose::kCohort, copy.photo);
  return Degrade(photo, copy.degradation, face, random);
}

absl::StatusOr<CalibrationResult> Calibrate(const CalibrationData& data, bool unit_length, const CohortOptions& options,
                                            const std::string& source) {
  const std::vector<PhotoRange> groups = ComparedRanges(data.comparisons);
  CalibrationResult result;
  for (const absl::StatusOr<v1::EmbedResponse>& copy : data.copy_embeddings) result.failed_copies += copy.ok() ? 0 : 1;
  std::vector<double> crowding;
  std::shared_ptr<const Cohort> cohort;
  std::shared_ptr<const std::vector<SyntheticGroup>> synthetic_people;
  if (!unit_length) {
    result.why_no_cohort = "the network's embeddings have no unit length";
    result.why_no_synthetic_people = result.why_no_cohort;
  } else {
    const CohortFaces collected = CollectFaces(data, groups);
    std::vector<std::string> names;
    for (const PhotoRange& group : groups) names.push_back(group.name.empty() ? "people" : group.name);
    absl::StatusOr<BuiltCohort> built = BuildCohort(collected.faces, names, options);
    if (built.ok()) {
      crowding.resize(data.comparisons.photos.size());
      for (size_t i = 0; i < collected.photos.size(); ++i) crowding[collected.photos[i]] = built->crowding[i];
      cohort = std::make_shared<const Cohort>(std::move(built->cohort));
    } else {
      result.why_no_cohort = std::string(built.status().message());
    }
    absl::StatusOr<std::vector<SyntheticGroup>> drawn =
        DrawSyntheticPeople(collected.faces, names, {.seed = options.seed});
    if (drawn.ok()) {
      synthetic_people = std::make_shared<const std::vector<SyntheticGroup>>(*std::move(drawn));
    } else {
      result.why_no_synthetic_people = std::string(drawn.status().message());
    }
  }
  std::vector<GroupPairs> pairs;
  for (const PhotoRange& group : groups) {
    pairs.push_back({group.name, PairsOf(data, group, crowding, cohort == nullptr ? 0 : cohort->cap())});
  }
  absl::StatusOr<BundleMeasurements> measured = MeasureForBundle(pairs, source, options.seed);
  if (!measured.ok()) return measured.status();
  result.measurements = *std::move(measured);
  result.measurements.cohort = std::move(cohort);
  result.measurements.synthetic_people = std::move(synthetic_people);
  return result;
}

}  // namespace likeness
