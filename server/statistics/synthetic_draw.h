// Draws synthetic people (server/verification/synthetic_people.h) in the place of measured ones.
//
//   absl::StatusOr<std::vector<SyntheticGroup>> groups = DrawSyntheticPeople(faces, {"lfw", "ages/young"}, {});
#ifndef LIKENESS_SERVER_STATISTICS_SYNTHETIC_DRAW_H_
#define LIKENESS_SERVER_STATISTICS_SYNTHETIC_DRAW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/cohort_builder.h"
#include "server/verification/synthetic_people.h"

namespace likeness {

struct SyntheticOptions {
  size_t people = 80;          // of each group
  size_t faces_of_person = 3;  // >= 2
  uint64_t seed = 0;
};

// Each group's people are drawn from two normal distributions, one of people around the group's mean and one of a
// person's photos around the person, with the covariances that were measured (the two-covariance model of
// probabilistic linear discriminant analysis; N. Brümmer, E. de Villiers: "The speaker partitioning problem", Odyssey
// 2010), and scaled to unit length. So a bundle tells of a group what it has in common, and of nobody in it anything.
// Covariances of few people are shrunk towards those of all groups. `faces[i].group` is a number into `groups`;
// degraded faces do not count. FAILED_PRECONDITION where a group has fewer than ten people or nobody with two photos;
// INVALID_ARGUMENT where embeddings are of different sizes. The same for the same seed and platform. Pure, thread-safe.
absl::StatusOr<std::vector<SyntheticGroup>> DrawSyntheticPeople(absl::Span<const CohortFace> faces,
                                                                absl::Span<const std::string> groups,
                                                                const SyntheticOptions& options);

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_SYNTHETIC_DRAW_H_
