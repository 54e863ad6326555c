#include "server/statistics/seeded_random.h"

#include <limits>

namespace likeness {
namespace {

std::mt19937_64 SeededEngine(uint64_t seed, RandomPurpose purpose, uint64_t number) {
  std::seed_seq sequence = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                            static_cast<uint32_t>(purpose), static_cast<uint32_t>(number),
                            static_cast<uint32_t>(number >> 32)};
  return std::mt19937_64(sequence);
}

}  // namespace

SeededRandom::SeededRandom(uint64_t seed, RandomPurpose purpose, uint64_t number)
    : engine_(SeededEngine(seed, purpose, number)) {}

size_t SeededRandom::Below(size_t bound) {
  // Numbers beyond the last whole multiple of `bound` would favour small results.
  const uint64_t largest = std::numeric_limits<uint64_t>::max();
  const uint64_t beyond = largest - largest % bound;
  uint64_t drawn = engine_();
  while (drawn >= beyond) drawn = engine_();
  return drawn % bound;
}

}  // namespace likeness
