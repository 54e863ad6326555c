// Pairs among the embeddings of labelled photos.
#ifndef LIKENESS_SERVER_TRAINING_EMBEDDING_PAIRS_H_
#define LIKENESS_SERVER_TRAINING_EMBEDDING_PAIRS_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/people_pairs.h"
#include "server/verification/cohort.h"

namespace likeness {

// The photos of each person, people in the order of their numbers, of which `people` has one for each photo.
std::vector<std::vector<size_t>> PhotosByPerson(absl::Span<const int> people);

// Every photo with every other: embedding i is of a photo of `people[i]`, any number, equal for the same person; in the
// pairs people are numbered from 0. Distances are normalized (server/verification/decision.h) where there is a cohort,
// which may be null. NETWORK_FAILED where one is not a number. Pure, thread-safe.
absl::StatusOr<PeoplePairs> PairsAmong(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                       const Cohort* cohort);

// Puts pairs of further people behind those that are there.
void Append(const PeoplePairs& more, PeoplePairs& pairs);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_EMBEDDING_PAIRS_H_
