// Random choices that are the same on every platform.
//
//   SeededRandom random(seed, RandomPurpose::kPairs, epoch);
//   const size_t person = random.Below(people);
#ifndef LIKENESS_SERVER_STATISTICS_SEEDED_RANDOM_H_
#define LIKENESS_SERVER_STATISTICS_SEEDED_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace likeness {

// What choices are made for: each purpose has numbers of its own, so that one never shifts another's.
enum class RandomPurpose : uint32_t {
  kPairs = 1,
  kMirroring = 2,
  kPeopleSplit = 3,
  kBootstrap = 4,
  kCohort = 5,
  kCrossValidation = 6,
  kSyntheticPeople = 7
};

// Not thread-safe.
class SeededRandom {
 public:
  // The choices of `number`, an epoch for example, made from `seed`.
  SeededRandom(uint64_t seed, RandomPurpose purpose, uint64_t number = 0);

  // A whole number from 0 to `bound` - 1, each equally likely; `bound` >= 1.
  size_t Below(size_t bound);

  // True half of the time.
  bool Coin() { return Below(2) == 1; }

  // Puts the elements into a random order (Fisher and Yates). std::shuffle differs between standard libraries.
  template <typename T>
  void Shuffle(std::vector<T>& elements) {
    for (size_t left = elements.size(); left > 1; --left) std::swap(elements[left - 1], elements[Below(left)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_STATISTICS_SEEDED_RANDOM_H_
