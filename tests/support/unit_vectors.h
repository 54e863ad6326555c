// Made-up embeddings.
#ifndef LIKENESS_TESTS_SUPPORT_UNIT_VECTORS_H_
#define LIKENESS_TESTS_SUPPORT_UNIT_VECTORS_H_

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace likeness {

// `center` with a normal deviation of `spread` in each of its numbers, scaled to unit length.
inline std::vector<float> UnitVectorNear(const std::vector<float>& center, float spread, std::mt19937& random) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> vector = center;
  float square = 0;
  for (float& value : vector) {
    value += normal(random);
    square += value * value;
  }
  for (float& value : vector) value /= std::sqrt(square);
  return vector;
}

// Of any direction.
inline std::vector<float> RandomUnitVector(size_t size, std::mt19937& random) {
  return UnitVectorNear(std::vector<float>(size), 1, random);
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_UNIT_VECTORS_H_
