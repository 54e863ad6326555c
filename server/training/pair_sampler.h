// Draws the pairs that an epoch trains on.
//
//   absl::StatusOr<PairSampler> sampler = PairSampler::Create(people, seed);
//   std::vector<FacePair> pairs = sampler->Draw(/*epoch=*/0, /*count=*/1000);
#ifndef LIKENESS_SERVER_TRAINING_PAIR_SAMPLER_H_
#define LIKENESS_SERVER_TRAINING_PAIR_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/training/face_pair.h"

namespace likeness {

// Immutable, so thread-safe.
class PairSampler {
 public:
  // `people` says of each photo whom it shows: any number, equal for the same person. FIELD_INVALID where there are not
  // two people, or nobody has two photos: half of the pairs could not be made.
  static absl::StatusOr<PairSampler> Create(absl::Span<const int> people, uint64_t seed);

  // Genuine and impostor pairs in turn, the first genuine. A genuine pair is of two photos of a person with at least
  // two, an impostor pair of one photo each of two people; every person is equally likely, and then every photo.
  // The same for the same seed and epoch.
  std::vector<FacePair> Draw(int epoch, int count) const;

 private:
  PairSampler() = default;

  uint64_t seed_ = 0;
  std::vector<std::vector<size_t>> photos_;  // of each person
  std::vector<size_t> people_with_two_;      // numbers into photos_
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_PAIR_SAMPLER_H_
