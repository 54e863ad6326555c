// Makes a cohort (server/verification/cohort.h) from the embeddings of many people's faces.
//
//   const absl::StatusOr<BuiltCohort> built = BuildCohort(faces, {"lfw", "ages/young"}, {});
//   if (built.ok()) distance += Tightening({built->crowding[a], built->crowding[b], built->cohort.cap()});
//
// Groups weigh the same, so that a small one has centroids of its own. Copies of photos that were turned, blurred,
// darkened or covered belong in as well: a network puts those together, whomever they show.
#ifndef LIKENESS_SERVER_STATISTICS_COHORT_BUILDER_H_
#define LIKENESS_SERVER_STATISTICS_COHORT_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/verification/cohort.h"

namespace likeness {

struct CohortFace {
  std::vector<float> embedding;  // of unit length
  uint32_t person = 0;
  uint32_t group = 0;
  bool degraded = false;  // a copy made worse: it goes into centroids, and its crowding is not measured
};

struct CohortOptions {
  size_t centroids = 240;       // at most: those of too few people are dissolved
  int nearest = 3;              // see CohortDescription; docs/accuracy.md has what was tried
  int people_in_centroid = 5;   // the fewest, so that none is anybody's template
  size_t faces_of_group = 250;  // at most, drawn at random; of copies that were made worse, all
  uint64_t seed = 0;
};

struct BuiltCohort {
  Cohort cohort;
  // Of each face, as if its person were not in the cohort: what a stranger's would be. 0 for degraded ones.
  std::vector<double> crowding;
};

// K-means over directions (Dhillon and Modha 2001, spherical k-means), in which a person's faces in a cluster weigh as
// one; clusters of fewer than people_in_centroid are dissolved. The cap is the median crowding of the group that is
// crowded least. `faces[i].group` is a number into `groups`. FAILED_PRECONDITION where fewer than `nearest` + 1
// clusters of so many people are left; INVALID_ARGUMENT where embeddings are of different sizes. The same for the same
// seed. Pure, thread-safe; takes seconds for thousands of faces.
absl::StatusOr<BuiltCohort> BuildCohort(absl::Span<const CohortFace> faces, absl::Span<const std::string> groups,
                                        const CohortOptions& options);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_COHORT_BUILDER_H_
